/**
 * One build, from its options to its outputs: combines the rooms below.
 *
 * In: a Host and build options.  Out: its outputs, such as an image in the store, and the result.
 * Not here: argv, transports, how an output is made.
 */
export { warningsOf } from './build-options.ts'
export { BuildRun } from './build-run.ts'
