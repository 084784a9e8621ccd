import { posix } from 'node:path'
import { readTar, type TarEntry, writeTar } from '../../../files/tar/index.ts'
import { type Bytes, TareError } from '../../../support/index.ts'

/**
 * Passes on a tar of cache mounts without what could reach out of them: devices, links that lead out, and whatever lies behind a
 * link. Throws `ARCHIVE_INVALID` for names that are not of a cache mount.
 */
export function withoutWaysOut(bytes: Bytes): Bytes {
  return writeTar(safe(readTar(bytes)))
}

async function* safe(entries: AsyncIterable<TarEntry>): AsyncGenerator<TarEntry> {
  const links = new Set<string>()
  for await (const entry of entries) {
    const path = posix.normalize(entry.path).replace(/\/$/, '')
    const [, key, inside] = /^([0-9a-f]{64})\/(?:id|data(?:\/(.*))?)$/s.exec(path) ?? []
    if (key === undefined)
      throw new TareError('ARCHIVE_INVALID', `"${entry.path}" is not part of a cache mount`, {
        remedy: '`tare cache export --mounts FILE` and --cache-to with mounts=true write archives of cache mounts.',
      })
    if (isBehind(links, path)) continue
    if (entry.kind === 'char' || entry.kind === 'block' || entry.kind === 'fifo') continue
    if (inside === undefined && entry.kind !== (path.endsWith('/id') ? 'file' : 'directory')) continue
    if (entry.kind === 'hardlink') {
      const target = posix.normalize(entry.link ?? '')
      if (!target.startsWith(`${key}/data/`) || isBehind(links, target) || links.has(target)) continue
    }
    if (entry.kind === 'symlink') {
      if (!staysInside(inside!, entry.link ?? '')) continue
      links.add(path)
    } else links.delete(path)
    yield entry
  }
}

function isBehind(links: ReadonlySet<string>, path: string): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (links.has(path.slice(0, at))) return true
  return false
}

/** Whether a link goes up only at its beginning, and no further than the mount. */
function staysInside(path: string, target: string): boolean {
  const [, ups = '', rest = ''] = /^((?:\.\.?(?:\/|$))*)(.*)$/s.exec(target) ?? []
  const depth = path.split('/').length - 1
  const up = ups.split('/').filter((part) => part === '..').length
  return !target.startsWith('/') && up <= depth && !rest.split('/').includes('..')
}
