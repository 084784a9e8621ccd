/**
 * What a step is: a filesystem, a command with its mounts, and what comes of it. Types alone, which all of the sandbox speaks.
 */
export type * from './types.ts'
