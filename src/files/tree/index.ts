/**
 * The merged filesystem in memory: names and metadata, never contents.
 */
export * from './node.ts'
