import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statfsSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'

export interface OtherPlace {
  readonly folder: string
  /** Whether its disk is of another kind, which lists directories in another order. */
  readonly isOtherKind: boolean
  remove(): void
}

const memory = '/dev/shm'

/** Makes a folder away from `home`, with room for `size` bytes, if possible on another kind of disk. */
export function otherPlace(home: string, size: number): OtherPlace {
  const kind = statfsSync(home).type
  const places = [memory, tmpdir(), '/tmp', '/var/tmp'].filter((place) => hasRoom(place, size))
  const other = places.find((place) => statfsSync(place).type !== kind)
  const folder = mkdtempSync(join(other ?? places.find((place) => place !== memory) ?? tmpdir(), 'tare-verify-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  return { folder, isOtherKind: other !== undefined, remove }
}

function hasRoom(folder: string, size: number): boolean {
  if (folder === memory && (process.platform !== 'linux' || freemem() < 2 * size)) return false
  try {
    accessSync(folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize > size
  } catch {
    return false
  }
}

/** Returns how much space the files of a directory take. */
export function sizeOfFiles(folder: string): number {
  let size = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    size += 4096 + (entry.isDirectory() ? sizeOfFiles(path) : (lstatSync(path, { throwIfNoEntry: false })?.size ?? 0))
  }
  return size
}

/** Copies a context with modes, owners and times, its files made in the opposite order. */
export function copyContext(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from).sort().reverse()) copyNode(join(from, name), join(to, name))
  const { mode, atime, mtime } = lstatSync(from)
  chmodSync(to, mode & 0o7777)
  utimesSync(to, atime, mtime)
}

function copyNode(from: string, to: string): void {
  const stat = lstatSync(from)
  if (stat.isDirectory()) copyContext(from, to)
  else if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to)
  else if (stat.isFile()) copyFileSync(from, to, constants.COPYFILE_FICLONE)
  else return
  // Only root may.
  if (process.getuid?.() === 0) lchownSync(to, stat.uid, stat.gid)
  if (stat.isFile()) chmodSync(to, stat.mode & 0o7777)
  if (!stat.isDirectory()) lutimesSync(to, stat.atime, stat.mtime)
}
