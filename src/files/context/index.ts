/**
 * Opens the sources of a build's files as trees: a local directory, a tar archive, or a commit of a git repository.
 *
 * In: a path, bytes or an address, and a function that decides what to ignore.  Out: a tree whose contents can be read, and
 * texts.
 * Not here: the syntax of .dockerignore and git addresses, where scratch files are, what is copied.
 */
export { openStream, type TextAlone } from './archive.ts'
export { type BuildContext, type Ignore, textLimit } from './context.ts'
export { openDirectory } from './directory.ts'
export { type CheckedOut, checkOut } from './git/check-out.ts'
export { type Resolved, resolveGit } from './git/resolve.ts'
export { Git } from './git/run-git.ts'
export { ContextMemory } from './memory.ts'
export { spool } from './spool.ts'
export { treeContext } from './tree-context.ts'
export { type UnpackOptions, unpackInto } from './unpack.ts'
