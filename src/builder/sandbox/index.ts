/**
 * RUN: puts a filesystem on disk, runs a command over it, and says how the filesystem is afterwards.
 *
 * In: layers at rest, a command with its mounts.  Out: an exit code, and a tree whose new contents lie on disk.
 * Not here: what is remembered (solve), what a Dockerfile says (plan), how layers are written (files/layer).
 */
export { canExecute, type Diagnosis, type Examination, examine, refuseForeign } from './machine/index.ts'
export { RunStorage, type StoredCache } from './mounts/index.ts'
export { mayHide } from './run/index.ts'
export { openSandbox, readIsolation, type SandboxOptions } from './sandbox.ts'
export type * from './step/index.ts'
