/**
 * What every holder of images has in common: where images come from, where they go, and the copy between any two.
 *
 * In: a Source, a name, a Target.  Out: the same image there; pull, push, save and load are this one function.
 * Not here: any holder itself (store, archive, registry), compression, the disk. `suite.ts` is for tests only, and so
 * is not behind this door.
 */
export * from './copy-image.ts'
export * from './types.ts'
export * from './verified.ts'
