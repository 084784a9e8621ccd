/**
 * What every room may use: errors, events, byte streams, safe relative paths, and cooperative scheduling.
 *
 * Keep it small: a new file needs a good reason.
 */

export { ByteReader } from './byte-reader.ts'
export * from './bytes.ts'
export { drained } from './drained.ts'
export type { TareErrorCode } from './error-codes.ts'
export * from './errors.ts'
export * from './events.ts'
export { inParallel } from './in-parallel.ts'
export * from './pace.ts'
export * from './paths.ts'
export * from './program.ts'
export { readPipe } from './read-pipe.ts'
export { Sha256, sha256, sha256Hex } from './sha256.ts'
export { ticks } from './ticks.ts'
export { Turns } from './turns.ts'
export { writeWhole } from './write-whole.ts'
export { WritersPace } from './writers-pace.ts'
