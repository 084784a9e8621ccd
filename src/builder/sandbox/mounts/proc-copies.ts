import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import { makeFile } from '../rootfs/index.ts'

// Files about the whole machine rather than a process. (proc(5))
const files = [
  ...['cpuinfo', 'meminfo', 'filesystems', 'version', 'uptime', 'loadavg', 'stat', 'devices', 'partitions', 'swaps'],
  ...['cgroups', 'diskstats', 'vmstat', 'modules', 'crypto', 'misc'],
]
const folders = ['sys/kernel', 'sys/kernel/random', 'sys/vm', 'sys/fs', 'sys/net/core']
const limit = 256 << 10

// The command sees only its root as a mount.
const mounts = 'overlay / overlay rw 0 0\n'

/** Copies kernel files to a folder that replaces /proc where a real one is impossible. */
export function putProcCopies(proc: string): void {
  for (const name of files) copy(join('/proc', name), join(proc, name))
  makeFile(join(proc, 'mounts'), mounts, 0o444)
  makeFile(join(proc, 'self/mounts'), mounts, 0o444)
  const made = new Set<string>()
  for (const folder of folders) {
    const parts = folder.split('/')
    for (let i = 1; i <= parts.length; i++) {
      const path = parts.slice(0, i).join('/')
      if (!made.has(path)) makeFolderOfMode(join(proc, path), 0o555)
      made.add(path)
    }
    for (const name of listed(join('/proc', folder))) copy(join('/proc', folder, name), join(proc, folder, name))
  }
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
