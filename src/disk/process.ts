import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemCode } from '../support/index.ts'

/** A process, as others that share a disk with it know it. */
export interface Owner {
  /** The boot of a machine and the PID namespace in it: 8 hex digits. */
  readonly space: string
  readonly pid: number
  /** When it began, in ticks since the machine did; undefined: not known. A process id alone may be given to another. */
  readonly start: number | undefined
}

let self: Owner | undefined

export function thisProcess(): Owner {
  self ??= { space: readSpace(), pid: process.pid, start: statOf('self')?.start }
  return self
}

/** `<space>-<pid>-<start>`: what the names of its files begin with. */
export function nameOf({ space, pid, start }: Owner): string {
  return `${space}-${pid}-${start ?? 0}`
}

/** What the names of this process's files begin with. */
export function nameOfProcess(): string {
  return nameOf(thisProcess())
}

/** Whom a name that begins with `<space>-<pid>-` belongs to. */
export function ownerOf(name: string): Owner | undefined {
  const match = /^([0-9a-f]{8})-(\d{1,10})(?:-(\d{1,15}))?(?:-|$)/.exec(name)
  if (match === null) return undefined
  return { space: match[1]!, pid: Number(match[2]), start: Number(match[3] ?? 0) || undefined }
}

/** Whether the process, of this PID namespace, still runs. */
export function isRunning({ pid, start }: Owner): boolean {
  if (pid < 1) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return false
  }
  // Not to be seen where /proc is of another namespace, or hides what belongs to other users (hidepid).
  const found = isProcOurs() ? statOf(pid) : undefined
  if (found === undefined) return true
  // Killed and not waited for yet, maybe for ever, below an init that waits for nobody.
  if (found.state === 'Z' || found.state === 'X') return false
  return start === undefined || found.start === start
}

function isProcOurs(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid)
  } catch {
    return false
  }
}

/** (proc_pid_stat(5), fields 3 and 22) */
function statOf(pid: number | 'self'): { readonly state: string; readonly start: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, start: Number(fields[19]) }
  } catch {
    return undefined
  }
}

function readSpace(): string {
  try {
    return shortHash(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') + readlinkSync('/proc/self/ns/pid'))
  } catch {
    // Elsewhere a machine has no PID namespaces. On a Linux that tells neither, everybody is somebody else's neighbour.
    return process.platform === 'linux'
      ? randomBytes(4).toString('hex')
      : shortHash(`${process.platform} ${hostname()}`)
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
