/**
 * What a step is: a filesystem, a command with its mounts, and its outcome. Types only, shared by the whole sandbox.
 */
export type * from './types.ts'
