/**
 * One build, from its options to an image in the store: combines the rooms below.
 *
 * In: a Host and build options.  Out: an image in the store, and the result.
 * Not here: argv, transports, anything after the store.
 */
export { readTag, warningsOf } from './build-options.ts'
export { BuildRun } from './build-run.ts'
