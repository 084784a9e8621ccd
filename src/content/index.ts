/**
 * What every holder of images has in common.
 */
export * from './types.ts'
