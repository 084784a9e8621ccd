/**
 * The machine: our privileges on it, what it allows, its programs and processes.
 *
 * In: nothing but what the machine reports.  Out: choices, obstacles with their remedies, command lines.
 * Not here: files of an image (rootfs, mounts), the command itself (run).
 */
export { canExecute, refuseForeign } from './architectures.ts'
export { removeCgroups } from './cgroups.ts'
export { chooseIsolation } from './choose.ts'
export { type Diagnosis, type Examination, examine } from './doctor.ts'
export { envFromOutside } from './env-program.ts'
export { checkExecutable } from './executable.ts'
export { type FilterLoader, findFilterLoader } from './filter-loader.ts'
export { type HeldNamespace, isMappedHere } from './held-namespace.ts'
export { killInside } from './kill-inside.ts'
export { guard, type Machine, thisMachine } from './machine.ts'
export { liesOnOverlay, mountVolatile, openWorkFolder, overlayOptions } from './overlay.ts'
export { hasCapability, read } from './process-facts.ts'
export {
  ended,
  findProgram,
  isBusyBox,
  type ProgramInput,
  plainEnvironment,
  quoted,
  readProgram,
  runProgram,
} from './programs.ts'
export { signalCommand } from './signal-command.ts'
export { resizeTerminal } from './terminal-size.ts'
