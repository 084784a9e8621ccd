/**
 * Docker's seccomp rules: as data, for an OCI runtime, and as a program for the kernel.
 *
 * In: a machine's architecture, the capabilities of a step.  Out: a profile, bytes for seccomp(2).
 * Not here: loading them into the kernel (machine).
 */
export { compileFilter, filterBytes } from './compile.ts'
export { type SeccompProfile, type SystemCallRule, seccompProfile } from './profile.ts'
