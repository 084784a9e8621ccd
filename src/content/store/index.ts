/**
 * The store on disk: an OCI layout that other tools read in place, plus what builds remember.
 *
 * In: blobs, names, records.  Out: the same, complete or absent, for any number of concurrent processes.
 * Not here: what images mean; that is for content and verbs.
 */
export type { Blobs, Reservation } from './blobs.ts'
export { type Facts, type PulledAs, readPulledAs } from './facts.ts'
export type { StoreEntry } from './names.ts'
export type { RecordKind, Records } from './records.ts'
export { shareImages } from './share-images.ts'
export { Store } from './store.ts'
