/**
 * Image files: the formats of `docker save`, old and new, and OCI layouts, as a tar or a folder.
 *
 * In: blobs and names to write; a path or bytes to read.  Out: the file, with equal bytes for equal images; or its images, with
 * layers as plain tars.
 * Not here: the store, the contents of layers, the choice of images.
 */

export { type FileOutput, openFileOutput } from './file-output.ts'
export { openLayout } from './layout-folder.ts'
export { openArchive } from './open-archive.ts'
export type * from './types.ts'
export { writeArchive } from './write-archive.ts'
