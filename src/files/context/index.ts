/**
 * Opens what a build takes its files from, as a tree: a folder of this machine or a tar archive.
 *
 * In: a path or bytes, and a function that says what to ignore.  Out: a tree whose contents can be read, and texts.
 * Not here: the language of .dockerignore, where scratch files lie, what is copied.
 */
export { openStream, type TextAlone } from './archive.ts'
export { type Context, type Ignore, textLimit } from './context.ts'
export { openDirectory } from './directory.ts'
export { ContextMemory } from './memory.ts'
export { spool } from './spool.ts'
export { type UnpackOptions, unpackInto } from './unpack.ts'
