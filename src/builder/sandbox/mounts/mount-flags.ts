import { realpathSync } from 'node:fs'
import { read } from '../machine/index.ts'

/**
 * Returns the flags that a bind mount of the path must keep: in a user namespace the kernel does not allow removing them, and
 * omitting them counts as removing. (mount_namespaces(7); proc_pid_mountinfo(5))
 */
export function flagsToKeep(path: string, table: string = read('/proc/self/mountinfo')): string[] {
  let real = path
  try {
    real = realpathSync(path)
  } catch {
    // The mount then fails with its own message.
  }
  let best = { point: '', flags: '' }
  for (const line of table.split('\n')) {
    const [, , , , point = '', flags = ''] = line.split(' ')
    const at = point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    const holds = at === '/' || real === at || real.startsWith(`${at}/`)
    // Of two mounts at one path, the later one is on top.
    if (flags !== '' && holds && at.length >= best.point.length) best = { point: at, flags }
  }
  return best.flags.split(',').filter((flag) => ['nosuid', 'nodev', 'noexec'].includes(flag))
}

const ofSteps = new Map<string, readonly string[]>()

/** Those of the folder that all steps have theirs in: looked up once, since going through all mounts would take longer than the rest. */
export function flagsOfSteps(folder: string): readonly string[] {
  const flags = ofSteps.get(folder) ?? flagsToKeep(folder)
  ofSteps.set(folder, flags)
  return flags
}
