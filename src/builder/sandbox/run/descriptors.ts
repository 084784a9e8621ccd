import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { TareError } from '../../../support/index.ts'
import { findProgram } from '../machine/index.ts'

// (proc(5), fdinfo: the flags of open(2), in octal)
const closeOnExec = 0o2000000
// Redirections in any shell reach this far, as does an array of reasonable length for Node.
const farthest = 4096

/** Returns descriptors above the standard ones that children would inherit: those that this process inherited. */
function leaking(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2 && (flagsOf(fd) & closeOnExec) === 0)
}

function flagsOf(fd: number): number {
  try {
    return Number.parseInt(/^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8)
  } catch {
    // It was only open for reading /proc.
    return closeOnExec
  }
}

type Stdio = readonly ('pipe' | 'ignore' | 'inherit' | number)[]

export interface SealedStart {
  readonly argv: readonly string[]
  readonly stdio: ('pipe' | 'ignore' | 'inherit' | number)[]
  /** Must be called after it has started. */
  done(): void
}

/** Returns a command line and descriptors with which the program gets those of `stdio` and no others. */
export function sealed(argv: readonly string[], stdio: Stdio): SealedStart {
  const leaks = leaking().filter((fd) => fd >= stdio.length)
  if (leaks.length === 0) return { argv, stdio: [...stdio], done: () => {} }
  const bash = findProgram('bash')
  if (bash !== undefined) {
    const script = `exec ${leaks.map((fd) => `${fd}>&-`).join(' ')}; exec "$@"`
    return { argv: [bash, '--norc', '-c', script, 'bash', ...argv], stdio: [...stdio], done: () => {} }
  }
  // Other shells support single-digit descriptors only: the rest at least become /dev/null.
  const last = leaks.reduce((most, fd) => Math.max(most, fd), 0)
  if (last > farthest)
    throw new TareError('SANDBOX_UNABLE', `descriptor ${last} is open, and RUN must not inherit it`, {
      remedy: 'Start tare without it, or install bash.',
    })
  const nothing = openSync('/dev/null', 'r')
  const all = Array.from({ length: last + 1 }, (_, fd) => stdio[fd] ?? (leaks.includes(fd) ? nothing : 'ignore'))
  return { argv, stdio: all, done: () => closeSync(nothing) }
}
