/**
 * What every room may use: errors that are answers, events, bytes that flow, when a path stays inside, and work that lets others have their turn.
 *
 * Five files. A sixth needs an argument.
 */

export { ByteReader } from './byte-reader.ts'
export * from './bytes.ts'
export * from './errors.ts'
export * from './events.ts'
export { inParallel } from './in-parallel.ts'
export * from './pace.ts'
export * from './paths.ts'
