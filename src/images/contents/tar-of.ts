import type { LayerEntry } from '../../files/layer/index.ts'
import { type TarEntry, writeTar } from '../../files/tar/index.ts'
import type { FlatDirectory, FlatFilesystem, FlatNode } from '../../inspection/index.ts'
import { type Bytes, flow } from '../../support/index.ts'
import type { OpenedContents } from './types.ts'

/** Files of an image with their names in a tar, directories before their contents. */
export type NamedNodes = Iterable<readonly [path: string, node: FlatNode]>

/** Returns a tar of files of the image. Further names of a file become hard links to the first. */
export function tarOf(image: Pick<OpenedContents, 'readEntry'>, flat: FlatFilesystem, nodes: NamedNodes): Bytes {
  return writeTar(tarEntries(image, flat, nodes))
}

/** Returns the entries of that tar. */
export async function* tarEntries(
  image: Pick<OpenedContents, 'readEntry'>,
  flat: FlatFilesystem,
  nodes: NamedNodes,
): AsyncGenerator<TarEntry> {
  const written = new Map<number, string>()
  for (const [path, node] of nodes) {
    if (typeof node === 'object') yield directoryOf(flat, path, node)
    else {
      const { layer, table, i } = flat.locate(node)
      const entry = table.entry(i)
      const first = written.get(node)
      if (flat.linked.has(node) && first === undefined) written.set(node, path)
      if (first !== undefined) yield { ...headerOf(entry, path), kind: 'hardlink', link: first, size: 0, body: flow() }
      else yield { ...headerOf(entry, path), body: entry.kind === 'file' ? image.readEntry(layer, entry) : flow() }
    }
  }
}

function directoryOf(flat: FlatFilesystem, path: string, { id }: FlatDirectory): TarEntry {
  const implied = { kind: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0, mtimeNs: 0 } as const
  return { ...(id < 0 ? { ...implied, path } : headerOf(flat.entry(id), path)), body: flow() }
}

function headerOf(entry: LayerEntry, path: string): Omit<TarEntry, 'body'> {
  const { kind, mode, uid, gid, size, mtime, mtimeNs, link, device, xattrs } = entry
  return {
    ...{ path, kind: kind as TarEntry['kind'], mode, uid, gid, size, mtime, mtimeNs },
    ...(link === undefined || kind === 'hardlink' ? {} : { link }),
    ...(device === undefined ? {} : { deviceMajor: device[0], deviceMinor: device[1] }),
    ...(xattrs === undefined ? {} : { xattrs }),
  }
}
