/**
 * Images opened for inspection, wherever they are: with the index of every layer, and contents on demand.
 *
 * In: a name as written on a command line.  Out: an InspectedImage, and the bytes of its files.
 * Not here: what is learnt from them (inspection), how a layer is written (files/layer).
 */
export { findPlace, type Place } from './find-place.ts'
export { openContents } from './open-contents.ts'
export { rememberDigests } from './remember-digests.ts'
export { makeEmptyFolder, saveFiles } from './save-files.ts'
export { type NamedNodes, tarEntries, tarOf } from './tar-of.ts'
export type { ContentsOptions, OpenedContents } from './types.ts'
export { refused, type WriteFilesOptions, type WrittenFiles, writeFiles } from './write-files.ts'
