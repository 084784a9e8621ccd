import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname, join } from 'node:path'
import { makeFolder } from './folders.ts'
import { replaceFile } from './replace-file.ts'

// The kernel writes dirty pages after 30 seconds; this is four times that. (admin-guide/sysctl/vm.rst, dirty_expire_centisecs)
const settled = 120_000

export interface Boot {
  /** Unique to each boot; empty if unknown. */
  readonly id: string
  /** When the machine booted, in milliseconds since 1970. */
  readonly began: number
}

export function thisBoot(): Boot {
  return {
    id: read('/proc/sys/kernel/random/boot_id').trim(),
    get began() {
      return Date.now() - uptime() * 1000
    },
  }
}

/**
 * Lists directories in `folders` that may be incomplete after a crash. Unpacked layers are not fsynced, since they can be unpacked again, so a power
 * failure may lose the contents of recent ones. A directory is trusted if `note`, a file, shows that the machine kept running long enough after the
 * directory was made. The note must exist before new directories are made: see `noteBoot`.
 */
export function listDoubtful(note: string, folders: readonly string[], boot: Boot = thisBoot()): string[] {
  if (boot.id === '' || read(note) === boot.id) return []
  const seen = statSync(note, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return folders.flatMap((folder) =>
    listed(folder)
      .map((name) => join(folder, name))
      .filter((path) => {
        const made = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0
        // Directories that another process has just made are fine; Date.now() is truncated to whole milliseconds.
        const isOfThisBoot = made >= boot.began && made < Date.now() + 1
        return made > seen - settled && !isOfThisBoot
      }),
  )
}

/** Records that the machine is still running, and which boot it is. */
export function noteBoot(note: string, boot: Boot = thisBoot()): void {
  if (boot.id === '') return
  if (read(note) === boot.id) {
    utimesSync(note, new Date(), new Date())
    return
  }
  makeFolder(dirname(note))
  replaceFile(note, boot.id)
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
