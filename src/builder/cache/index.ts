/**
 * Caches that travel: what steps made, carried between stores.
 *
 * In: records of steps and their layers; caches in registries, folders and images.  Out: the same, merged with what is there; and
 * results for a build, believed only as far as they can be checked.
 * Not here: what a step's key is made of, when a result is looked at (solve).
 */
export { type BuiltSteps, ExportedCaches, unchecked } from './export-caches.ts'
export { ImportedCaches } from './imported-caches.ts'
export { inlineMember, writeInline } from './inline.ts'
export { pruneSharedCache } from './prune-cache.ts'
