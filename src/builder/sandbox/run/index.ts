/**
 * Running the command, in each of the sandboxes: an OCI runtime, our own namespaces, a folder without mounts.
 *
 * In: a step, its filesystem and mounts on disk.  Out: an exit code, and the tree afterwards.
 * Not here: the choice of sandbox (machine).
 */
export { runInFolder } from './chroot-step.ts'
export { mayHide } from './hidden-env.ts'
export { containerName } from './oci-script.ts'
export { PipeStock } from './output-pipes.ts'
export { runOnOverlay } from './overlay-step.ts'
