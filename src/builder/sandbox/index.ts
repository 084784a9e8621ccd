/**
 * RUN: puts a filesystem on disk, runs a command in it, and reports how the filesystem has changed.
 *
 * In: layers on disk, a command with its mounts.  Out: an exit code, and a tree whose new contents are on disk.
 * Not here: caching (solve), the meaning of a Dockerfile (plan), writing layers (files/layer).
 */
export { type ChosenSandbox, chooseSandbox, readIsolation, type SandboxOptions } from './choose-sandbox.ts'
export { canExecute, type Diagnosis, type Examination, examine, refuseForeign } from './machine/index.ts'
export { RunStorage, type StoredCache } from './mounts/index.ts'
export { mayHide } from './run/index.ts'
export type * from './step/index.ts'
