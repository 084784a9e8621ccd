import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname, join } from 'node:path'
import { makeFolder } from './folders.ts'
import { replaceFile } from './replace-file.ts'

// The kernel writes what is half a minute old; this is four times that. (admin-guide/sysctl/vm.rst, dirty_expire_centisecs)
const settled = 120_000

export interface Boot {
  /** Differs from boot to boot. Empty: that cannot be told. */
  readonly id: string
  /** When it began, in milliseconds since 1970. */
  readonly began: number
}

export function thisBoot(): Boot {
  return { id: read('/proc/sys/kernel/random/boot_id').trim(), began: Date.now() - uptime() * 1000 }
}

/**
 * Directories in `folders` that may be there in name only. Nothing waits for the disk when a layer is unpacked, since it can be
 * done again; so a machine that lost its power may have lost files of those that were new then. Those are trusted of which
 * `note`, a file, shows that their machine went on for a while; it has to be there before new ones are made, see `noteBoot`.
 */
export function listDoubtful(note: string, folders: readonly string[], boot: Boot = thisBoot()): string[] {
  if (boot.id === '' || read(note) === boot.id) return []
  const seen = statSync(note, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return folders.flatMap((folder) =>
    listed(folder)
      .map((name) => join(folder, name))
      .filter((path) => {
        const made = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0
        // What another process has made just now is none of it; Date.now() is cut to whole milliseconds.
        const isOfThisBoot = made >= boot.began && made < Date.now() + 1
        return made > seen - settled && !isOfThisBoot
      }),
  )
}

/** Notes that the machine runs, and which boot it is. */
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
