import type { Digest } from '../../oci/index.ts'
import { longestPath, pathInside, TareError } from '../../support/index.ts'
import { type Archive, type StoredEntry, scanTar } from '../tar/index.ts'
import { checkHardLinks } from './hard-links.ts'
import type { LayerEntry, LayerIndex } from './layer-index.ts'
import { readWhiteout } from './whiteout.ts'

/**
 * Indexes a layer on disk by reading only its headers. `what` names the layer in errors. Throws the errors of files/tar,
 * `LAYER_PATH_ESCAPES` for a name or hard link outside the root, and `LAYER_INVALID` for a name too long for the system or a hard
 * link to what is no file of the layer.
 */
export function indexLayer(archive: Archive, diffId: Digest, what: string): LayerIndex {
  const entries: LayerEntry[] = []
  const read = layerEntries(what)
  for (const stored of scanTar(archive)) {
    const entry = read(stored)
    if (entry !== undefined) entries.push(entry)
  }
  const index = { diffId, size: archive.size, entries }
  checkHardLinks(index, what)
  return index
}

/** What an entry of a tar is in a layer; nothing for the root itself. */
export function layerEntries(what: string): (entry: StoredEntry) => LayerEntry | undefined {
  return (entry) => {
    const path = cleanPath(entry.path, what)
    return path === '' ? undefined : layerEntry(entry, path, what)
  }
}

function layerEntry(entry: StoredEntry, path: string, what: string): LayerEntry {
  const { mode, uid, gid, mtime, mtimeNs, runs, link, xattrs } = entry
  const base = { mode, uid, gid, mtime, mtimeNs, size: 0, at: entry.at, runs: [] }
  const whiteout = readWhiteout(path)
  if (whiteout !== undefined) return { ...base, ...whiteout }
  const target = entry.kind === 'hardlink' ? cleanPath(link ?? '', what) : link
  if ((target ?? '').length > longestPath) throw tooLong(path, what)
  return {
    ...base,
    path,
    kind: entry.kind,
    ...(entry.kind === 'file' ? { size: entry.size, runs } : {}),
    ...(target === undefined ? {} : { link: target }),
    ...(entry.kind === 'char' || entry.kind === 'block'
      ? { device: [entry.deviceMajor ?? 0, entry.deviceMinor ?? 0] as const }
      : {}),
    ...(xattrs === undefined ? {} : { xattrs }),
  }
}

function cleanPath(path: string, what: string): string {
  if (path.length > longestPath) throw tooLong(path, what)
  const clean = pathInside(path)
  if (clean !== undefined) return clean
  throw new TareError('LAYER_PATH_ESCAPES', `${what} has an entry outside the root: ${JSON.stringify(path)}`, {
    remedy: 'Such a layer may be an attack. Nothing was kept.',
  })
}

function tooLong(path: string, what: string): TareError {
  return new TareError(
    'LAYER_INVALID',
    `${what} has a path too long for Linux: ${JSON.stringify(`${path.slice(0, 40)}…`)}`,
    { remedy: 'Such a layer may be an attack. Nothing was kept.' },
  )
}
