/**
 * Docker's rules of system calls: as data, as an OCI runtime takes them, and as a program for the kernel.
 *
 * In: a machine's architecture, the capabilities of a step.  Out: a profile, bytes for seccomp(2).
 * Not here: who hands them to the kernel (machine).
 */
export { compileFilter, filterBytes } from './compile.ts'
export { type SeccompProfile, type SystemCallRule, seccompProfile } from './profile.ts'
