/**
 * What processes share on a disk: file ownership, liveness, locks, atomic replacement.
 *
 * In: paths.  Out: the same, safe against concurrent and killed processes, other containers, and other machines on the same volume.
 * Not here: what is in the files.
 */
export { type Boot, listDoubtful, noteBoot, thisBoot } from './boots.ts'
export { closeFolder, listFolder, makeFolder, makeFolderOfMode, makePrivateFolder, privately } from './folders.ts'
export { isLocked, tryLock, withLock } from './lock.ts'
export { isLeftBy, Owners, ownersIn, showLife } from './owners.ts'
export { nameOfProcess, type Owner, thisProcess } from './process.ts'
export { ProcessFiles } from './process-files.ts'
export { type Replacement, replaceFile, replacementFor, sweepBeside } from './replace-file.ts'
