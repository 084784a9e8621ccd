import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { makeFolderOfMode, type ProcessFiles } from '../../../disk/index.ts'
import { makeFile } from '../rootfs/index.ts'
import { inDirectory } from './without-links.ts'

// Files about the whole machine rather than a process. (proc(5))
const files = [
  ...['cpuinfo', 'meminfo', 'filesystems', 'version', 'uptime', 'loadavg', 'stat', 'devices', 'partitions', 'swaps'],
  ...['cgroups', 'diskstats', 'vmstat', 'modules', 'crypto', 'misc'],
]
// Each after the one that it is in; of some only what is below them.
const settings = ['sys', 'sys/kernel', 'sys/kernel/random', 'sys/vm', 'sys/fs', 'sys/net', 'sys/net/core']
const holders = new Set(['sys', 'sys/net'])
const limit = 256 << 10

// The command sees only its root as a mount.
const mounts = 'overlay / overlay rw 0 0\n'

/** Copies of the kernel's files for folders that stand in for /proc, where there can be no real one. */
export class ProcCopies {
  private readonly work: ProcessFiles
  private folder: string | undefined
  /** The settings of a step that has ended. */
  private spare: string | undefined

  constructor(work: ProcessFiles) {
    this.work = work
  }

  put(proc: string): void {
    for (const name of files) copy(join('/proc', name), join(proc, name))
    makeFile(join(proc, 'mounts'), mounts, 0o444)
    makeFile(join(proc, 'self/mounts'), mounts, 0o444)
    if (this.spare === undefined) makeSettings(proc)
    else renameSync(this.spare, join(proc, 'sys'))
    this.spare = undefined
  }

  /**
   * Keeps the settings for the next step, as making them takes longer than a short command, unless something in them has changed
   * since that time. `aside` is a free path in a folder that is closed to the command, whose processes have ended.
   */
  takeBack(root: string, since: bigint, aside: string): void {
    if (this.spare !== undefined) return
    try {
      inDirectory(root, 'proc', (proc) => renameSync(proc.at('sys'), aside))
      if (!isUnchanged(aside, since)) return
      this.folder ??= this.work.make()
      const spare = join(this.folder, 'sys')
      renameSync(aside, spare)
      this.spare = spare
    } catch {
      // The command has removed or replaced them.
    }
  }

  close(): void {
    this.spare = undefined
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true })
    this.folder = undefined
  }
}

/** The time that changes from now on will have at least, by the clock of the disk. `path` is that of a new file. */
export function diskTime(path: string): bigint {
  writeFileSync(path, '')
  return lstatSync(path, { bigint: true }).ctimeNs
}

function makeSettings(proc: string): void {
  for (const folder of settings) {
    makeFolderOfMode(join(proc, folder), 0o555)
    if (!holders.has(folder))
      for (const name of listed(join('/proc', folder))) copy(join('/proc', folder, name), join(proc, folder, name))
  }
}

/** Nobody but the kernel sets the time of a change: what has an older one is as we made it. Renaming the folder itself is one. */
function isUnchanged(sys: string, since: bigint): boolean {
  const top = lstatSync(sys)
  if (!top.isDirectory() || top.uid !== 0 || (top.mode & 0o7777) !== 0o555) return false
  const inside = new Set(settings.filter((folder) => dirname(folder) === 'sys').map((folder) => basename(folder)))
  const names = readdirSync(sys)
  return names.length === inside.size && names.every((name) => inside.has(name) && isOlder(join(sys, name), since))
}

function isOlder(path: string, since: bigint): boolean {
  const stat = lstatSync(path, { bigint: true })
  if (stat.ctimeNs >= since) return false
  return stat.isDirectory() ? readdirSync(path).every((name) => isOlder(join(path, name), since)) : stat.isFile()
}

let buffer: Buffer | undefined

/** Skips files that cannot be read, are directories, or block. */
function copy(from: string, to: string): void {
  let file: number | undefined
  try {
    file = openSync(from, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    if (!fstatSync(file).isFile()) return
    buffer ??= Buffer.alloc(limit)
    const bytes = buffer
    let length = 0
    for (let n = 1; n > 0 && length < limit; length += n) n = readSync(file, bytes, length, limit - length, null)
    makeFile(to, bytes.subarray(0, length), 0o444)
  } catch {
    // The command does not get it either.
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
