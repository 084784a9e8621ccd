import type { Digest } from '../../oci/index.ts'
import { longestPath, pathInside, TareError } from '../../support/index.ts'
import { type Archive, type StoredEntry, scanTar } from '../tar/index.ts'
import { checkHardLinks } from './hard-links.ts'
import { indexOf } from './index-codec.ts'
import type { LayerEntry, LayerIndex } from './layer-index.ts'
import { OwnLinks } from './own-links.ts'
import { TableWriter } from './table-writer.ts'
import { isNote, readWhiteout } from './whiteout.ts'

/**
 * Indexes a layer on disk by reading only its headers. `what` names the layer in errors. Throws the errors of files/tar,
 * `LAYER_PATH_ESCAPES` for a name or hard link outside the root, and `LAYER_INVALID` for a name too long for the system or a hard
 * link to what is no file of the layer.
 */
export function indexLayer(archive: Archive, diffId: Digest, what: string): LayerIndex {
  const writer = new TableWriter()
  const read = layerEntries(what)
  for (const stored of scanTar(archive)) {
    const entry = read(stored)
    if (entry !== undefined) writer.add(entry)
  }
  const table = writer.done()
  checkHardLinks(table, what)
  return indexOf({ diffId, size: archive.size }, table)
}

/**
 * What each entry of a tar, one after the other, is in a layer. Nothing for the root itself, and for notes of AUFS, except that
 * a file among these is what a hard link to it is.
 */
export function layerEntries(what: string): (entry: StoredEntry) => LayerEntry | undefined {
  const links = new OwnLinks()
  const notes = new Map<string, LayerEntry>()
  return (stored) => {
    const path = cleanPath(stored.path, what)
    if (path === '') return undefined
    const entry = layerEntry(stored, path, what)
    if (isNote(path)) {
      if (entry.kind === 'file') notes.set(path, entry)
      return undefined
    }
    const whiteout = readWhiteout(path)
    if (whiteout !== undefined) {
      const { directory, name } = whiteout
      const { mode, uid, gid, mtime, mtimeNs, at } = entry
      const base = { mode, uid, gid, mtime, mtimeNs, size: 0, at, runs: [] }
      const there = links.follow(directory)
      if (name === undefined) return { ...base, kind: 'hide', path: there }
      return { ...base, kind: 'remove', path: there === '' ? name : `${there}/${name}` }
    }
    links.put(path, entry.kind === 'symlink' ? (entry.link ?? '') : undefined)
    const note = entry.kind === 'hardlink' ? notes.get(entry.link ?? '') : undefined
    return note === undefined ? entry : { ...note, path, at: entry.at }
  }
}

function layerEntry(entry: StoredEntry, path: string, what: string): LayerEntry {
  const { mode, uid, gid, mtime, mtimeNs, runs, link, xattrs } = entry
  const target = entry.kind === 'hardlink' ? cleanPath(link ?? '', what) : link
  if ((target ?? '').length > longestPath) throw tooLong(path, what)
  return {
    ...{ mode, uid, gid, mtime, mtimeNs, size: 0, at: entry.at, runs: [] },
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
