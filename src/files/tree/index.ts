/**
 * Filesystems in memory: names and metadata of merged layers, never contents.
 *
 * In: nodes from files/layer and files/context.  Out: trees to look at, to change, and to compare.
 * Not here: tar, whiteout names, the disk.
 */
export * from './compare.ts'
export { type MetadataChange, nameOfKind, TreeDraft } from './draft.ts'
export * from './node.ts'
export { nodeAt, partsOf } from './paths.ts'
export * from './tree.ts'
