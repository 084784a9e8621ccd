import { realpathSync } from 'node:fs'
import { read } from '../machine/index.ts'

interface MountPoint {
  readonly point: string
  /** Of the mount itself, with commas between them. */
  readonly flags: string
}

/**
 * Returns the flags that a bind mount of the path must keep: in a user namespace the kernel does not allow removing them, and
 * omitting them counts as removing. (mount_namespaces(7))
 */
export function flagsToKeep(path: string, table?: string): string[] {
  let real = path
  try {
    real = realpathSync(path)
  } catch {
    // The mount then fails with its own message.
  }
  let best: MountPoint = { point: '', flags: '' }
  for (const mount of mountPoints(table)) {
    const { point, flags } = mount
    const holds = point === '/' || real === point || real.startsWith(`${point}/`)
    // Of two mounts at one path, the later one is on top.
    if (flags !== '' && holds && point.length >= best.point.length) best = mount
  }
  return best.flags.split(',').filter((flag) => ['nosuid', 'nodev', 'noexec'].includes(flag))
}

/** Whether something is mounted somewhere below the path, which has no links: a bind mount of it would show what that covers. */
export function hasMountsBelow(path: string, table?: string): boolean {
  const prefix = path.endsWith('/') ? path : `${path}/`
  return mountPoints(table).some(({ point }) => point.startsWith(prefix) && point !== path)
}

/** (proc_pid_mountinfo(5)) */
function mountPoints(table: string = read('/proc/self/mountinfo')): MountPoint[] {
  return table.split('\n').map((line) => {
    const [, , , , point = '', flags = ''] = line.split(' ')
    const plain = point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    return { point: plain, flags }
  })
}

const ofSteps = new Map<string, readonly string[]>()

/** Those of the folder that all steps have theirs in: looked up once, since going through all mounts would take longer than the rest. */
export function flagsOfSteps(folder: string): readonly string[] {
  const flags = ofSteps.get(folder) ?? flagsToKeep(folder)
  ofSteps.set(folder, flags)
  return flags
}
