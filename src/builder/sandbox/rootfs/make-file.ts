import { closeSync, fchmodSync, fchownSync, openSync, writeFileSync } from 'node:fs'

/** Creates a new file without following symlinks, with exactly this mode regardless of the umask. */
export function makeFile(
  path: string,
  content: string | Uint8Array,
  mode: number,
  owner?: { readonly uid: number; readonly gid: number },
): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(fd, content)
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid)
    fchmodSync(fd, mode)
  } finally {
    closeSync(fd)
  }
}
