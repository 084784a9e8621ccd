import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder elsewhere, if possible on another kind of disk, which lists directories in another order. */
export function otherPlace(): { readonly folder: string; remove(): void } {
  const memory = '/dev/shm'
  const parent = isUsable(memory) ? memory : tmpdir()
  const folder = mkdtempSync(join(parent, 'tare-verify-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) }
}

function isUsable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return process.platform === 'linux'
  } catch {
    return false
  }
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

/** Makes a store that knows the images of another one, and none of its steps. */
export function storeWithImages(home: string, to: string): void {
  const blobs = join(home, 'blobs/sha256')
  mkdirSync(join(to, 'blobs/sha256'), { recursive: true, mode: 0o700 })
  if (existsSync(blobs))
    for (const name of readdirSync(blobs)) symlinkSync(join(blobs, name), join(to, 'blobs/sha256', name))
  for (const name of ['index.json', 'oci-layout'])
    if (existsSync(join(home, name))) copyFileSync(join(home, name), join(to, name))
  for (const kind of ['bases', 'origins', 'layers']) {
    const records = join(home, 'tare', kind)
    if (!existsSync(records)) continue
    mkdirSync(join(to, 'tare', kind), { recursive: true, mode: 0o700 })
    for (const name of readdirSync(records)) copyFileSync(join(records, name), join(to, 'tare', kind, name))
  }
}
