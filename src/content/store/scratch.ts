import { createHash, randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCode } from '../../support/index.ts'

const dayInMs = 24 * 60 * 60 * 1000

/**
 * A folder of files that belong to running processes. A file's name begins with its process, so that what a killed one
 * left behind can be told from what a living one is writing; a process of another PID namespace (another container on
 * the same volume) can't be asked, and gets a day.
 */
export class ProcessFiles {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** A path for a new file of this process. The folder exists afterwards. */
  reserve(): string {
    makeFolder(this.folder)
    return join(this.folder, `${namespaceTag()}-${process.pid}-${randomBytes(6).toString('hex')}`)
  }

  /** Makes `path` a file of this text, in place of what was there, in one go; where that fails, nothing is left over. */
  place(text: string, path: string): void {
    const own = this.reserve()
    try {
      writeFileSync(own, text)
      renameSync(own, path)
    } catch (error) {
      rmSync(own, { force: true })
      throw error
    }
  }

  /** Removes what dead processes left. */
  sweep(): void {
    for (const { path, alive } of this.list()) if (!alive) rmSync(path, { recursive: true, force: true })
  }

  /** The files of living processes, with the time of each, in milliseconds since 1970. */
  living(): readonly { readonly path: string; readonly since: number }[] {
    return this.list().filter(({ alive }) => alive)
  }

  private list(): { path: string; since: number; alive: boolean }[] {
    let names: string[]
    try {
      names = readdirSync(this.folder)
    } catch {
      return []
    }
    return names.flatMap((name) => {
      const path = join(this.folder, name)
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? [] : [{ path, since: stat.mtimeMs, alive: isAlive(name, stat.mtimeMs) }]
    })
  }
}

function isAlive(name: string, since: number): boolean {
  const [tag, pid] = name.split('-')
  if (tag !== namespaceTag()) return Date.now() - since < dayInMs
  return isRunning(Number(pid))
}

/** Makes the folder and those above it. (Node's own recursive way never comes back from below /proc.) */
export function makeFolder(path: string): void {
  if (tryMakeFolder(path)) return
  makeFolder(dirname(path))
  // Below /proc even a folder whose parent is there cannot be made.
  if (!tryMakeFolder(path)) mkdirSync(path)
}

/** Whether the folder is there now; not, where there is none above it. Another process may make it at the same time. */
function tryMakeFolder(path: string): boolean {
  // It nearly always is there, and an error takes longer than a look.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return true
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return true
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    return false
  }
}

/** Whether a process of this PID namespace exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

let tag: string | undefined

/** Names this boot's PID namespace. */
export function namespaceTag(): string {
  tag ??= createHash('sha256').update(namespaceOf()).digest('hex').slice(0, 8)
  return tag
}

function namespaceOf(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') + readlinkSync('/proc/self/ns/pid')
  } catch {
    return process.platform
  }
}
