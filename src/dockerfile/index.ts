/**
 * The Dockerfile language.
 */
export * from './types.ts'
