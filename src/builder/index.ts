/**
 * One build, from its options to an image in the store: the rooms below, joined.
 *
 * In: a Host and build options.  Out: an image in the store, and what is said of it.
 * Not here: argv, names of transports, anything after the store.
 */
export { readTag, warningsOf } from './build-options.ts'
export { BuildRun } from './build-run.ts'
