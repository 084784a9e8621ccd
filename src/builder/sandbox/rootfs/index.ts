/**
 * A filesystem on disk: unpacked from layers, and read back after a command.
 *
 * In: layers on disk, a directory that a command wrote to.  Out: directories by name, a tree.
 * Not here: what is mounted into it (mounts).
 */
export { type DifferenceOptions, dated, Extractor, shortName } from './extract.ts'
export { makeFile } from './make-file.ts'
export { treeAfter } from './overlay-changes.ts'
export { PlainRoot } from './plain-root.ts'
export { Removals, removeAll } from './remove-all.ts'
export { restore } from './restore.ts'
export { makeSpreadDirectories, makeSpreadFolder } from './spread-folder.ts'
export { Unpacked } from './unpacked.ts'
export { type WalkedFile, walk } from './walk.ts'
