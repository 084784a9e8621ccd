/**
 * The command, in each of the sandboxes: an OCI runtime, namespaces of our own, a folder without mounts.
 *
 * In: a step, its filesystem and mounts on disk.  Out: an exit code, and the tree afterwards.
 * Not here: which sandbox it is (machine).
 */
export { runInFolder } from './chroot-step.ts'
export { mayHide } from './hidden-env.ts'
export { PipeStock } from './output-pipes.ts'
export { runOnOverlay } from './overlay-step.ts'
