/**
 * Image files: what `docker save` writes, old and new, and OCI layouts, as a tar or a folder.
 *
 * In: blobs and names to write; a path or bytes to read.  Out: the file, the same bytes for the same images; or its
 * images, with layers as plain tars.
 * Not here: the store, what a layer holds, which images to take.
 */

export { type Output, openFileOutput } from './file-output.ts'
export { openLayout } from './layout-folder.ts'
export { openArchive } from './open-archive.ts'
export type * from './types.ts'
export { writeArchive } from './write-archive.ts'
