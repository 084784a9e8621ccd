import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { sha256Hex, systemCode } from '../support/index.ts'

/** Identifies a process to others that share a disk with it. */
export interface Owner {
  /** Identifies the machine's boot and PID namespace: 8 hex digits. */
  readonly space: string
  readonly pid: number
  /** Start time in clock ticks since boot, or undefined if unknown. Process IDs alone are reused. */
  readonly start: number | undefined
}

let self: Owner | undefined

export function thisProcess(): Owner {
  self ??= { space: readSpace(), pid: process.pid, start: statOf('self')?.start }
  return self
}

/** Formats `<space>-<pid>-<start>`, the prefix of the process's file names. */
export function nameOf({ space, pid, start }: Owner): string {
  return `${space}-${pid}-${start ?? 0}`
}

/** Returns the prefix of this process's file names. */
export function nameOfProcess(): string {
  return nameOf(thisProcess())
}

/** Parses the owner from a name that begins with `<space>-<pid>-`. */
export function ownerOf(name: string): Owner | undefined {
  const match = /^([0-9a-f]{8})-(\d{1,10})(?:-(\d{1,15}))?(?:-|$)/.exec(name)
  if (match === null) return undefined
  return { space: match[1]!, pid: Number(match[2]), start: Number(match[3] ?? 0) || undefined }
}

/** Whether a process of this PID namespace is still running. */
export function isRunning({ pid, start }: Owner): boolean {
  if (pid < 1) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return false
  }
  // Unknown if /proc belongs to another namespace or hides other users' processes (hidepid).
  const found = isProcOurs() ? statOf(pid) : undefined
  if (found === undefined) return true
  // A zombie; under an init that never reaps, possibly for ever.
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
    // Other systems have no PID namespaces. On a Linux that reveals neither, every other process counts as a neighbour.
    return process.platform === 'linux'
      ? randomBytes(4).toString('hex')
      : shortHash(`${process.platform} ${hostname()}`)
  }
}

function shortHash(text: string): string {
  return sha256Hex(text).slice(0, 8)
}
