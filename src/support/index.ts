/**
 * What every room may use: errors that are answers, events, and bytes that flow.
 *
 * Three files. A fourth needs an argument.
 */
export * from './bytes.ts'
export * from './errors.ts'
export * from './events.ts'
