/**
 * What all holders of images have in common: sources, targets, and copying between any two.
 *
 * In: a Source, a name, a Target.  Out: the same image there; pull, push, save and load are this one function.
 * Not here: the holders themselves (store, archive, registry), compression, the disk. `suite.ts` is for tests only, and so is not
 * exported here.
 */
export * from './copy-image.ts'
export * from './types.ts'
export * from './verified.ts'
