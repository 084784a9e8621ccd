/**
 * Where a build's result goes: each output is prepared, and when all are, they become visible one after the other.
 *
 * In: images whose documents and layers are in the store, and outputs.  Out: archives, folders, names in the store and in
 * registries.
 * Not here: making layers, what flags look like, what statements say.
 */
export { resultOf } from './documents.ts'
export { makeOutputs } from './make-outputs.ts'
export { pushedOnlyTo, resolveOutputs } from './resolve-outputs.ts'
export type { AttestationStatement, Attester, BuiltImage, OutputWork, ResolvedOutput } from './types.ts'
