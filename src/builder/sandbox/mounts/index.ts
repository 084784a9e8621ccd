/**
 * What a step has in its filesystem besides the layers: mounts and their targets, persistent caches, the machine's files.
 *
 * In: mounts as requested by the step.  Out: sources on disk, each with its target below the root.
 * Not here: mounting itself (run).
 */

export { Caches, type HeldCache } from './caches.ts'
export { mountDirect } from './direct-folders.ts'
export { deviceNames, hostnameOf, hostsFile, resolvFile } from './host-files.ts'
export { flagsToKeep } from './mount-flags.ts'
export { type Prepared, type PreparedMount, prepare } from './prepared.ts'
export { diskTime, ProcCopies } from './proc-copies.ts'
export { openRelay, own, type Relay } from './relay.ts'
export { RunStorage, type StoredCache } from './run-storage.ts'
export { SharedFiles, unpackFiles } from './shared-files.ts'
export { type ShownFiles, shownEmpty, shownIn, shownOnDisk } from './shown-files.ts'
export { Stubs } from './stubs.ts'
export { rescueMoved, SwappedPaths } from './swapped-paths.ts'
export { inOrder, Targets } from './targets.ts'
export { inDirectory, makeDirectory } from './without-links.ts'
