/**
 * What every room may use: errors that are answers, events, bytes that flow, and when a path stays inside.
 *
 * Four files. A fifth needs an argument.
 */
export * from './bytes.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './paths.ts'
