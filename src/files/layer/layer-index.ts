import type { Digest } from '../../oci/index.ts'
import type { StoredRun, TarKind } from '../tar/index.ts'

/**
 * An entry of a layer.
 * - `remove`: a whiteout; `path` is what it removes.
 * - `hide`: an opaque marker; the directory `path` shows nothing from lower layers.
 * - `settle`: not in the layer itself: a directory of which only the time changed.
 */
export interface LayerEntry {
  /** Normalized and relative: no `./`, no leading or trailing `/`, no `..`. */
  readonly path: string
  readonly kind: TarKind | 'remove' | 'hide' | 'settle'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly mtimeNs: number
  readonly size: number
  /** The offset of the entry's first header in the layer; -1 if it is not in the layer. */
  readonly at: number
  /** Where its body is in the layer. */
  readonly runs: readonly StoredRun[]
  readonly link?: string
  readonly device?: readonly [major: number, minor: number]
  readonly xattrs?: ReadonlyMap<string, Uint8Array>
  /** SHA-256 of the content, once it has been read. */
  digest?: Digest | undefined
}

/** A layer's entries, stored beside the blob so that the layer need not be read again. */
export interface LayerIndex {
  readonly diffId: Digest
  /** Size of the uncompressed layer in bytes. */
  readonly size: number
  readonly entries: readonly LayerEntry[]
}

/** Returns the total size of the layer's files. docker's image size is the sum over all layers. */
export function contentSize(index: LayerIndex): number {
  let sum = 0
  for (const entry of index.entries) if (entry.kind === 'file') sum += entry.size
  return sum
}

const format = 2
const kinds = ['file', 'hardlink', 'symlink', 'char', 'block', 'directory', 'fifo', 'remove', 'hide', 'settle'] as const

// A row stores what nearly every entry has at fixed positions, and the rest in one object at the end: even a small build parses
// thousands of rows.
interface Rest {
  readonly link?: string
  readonly device?: readonly [number, number]
  readonly xattrs?: readonly (readonly [string, string])[]
  readonly runs?: readonly (readonly [number, number, number])[]
}
type Row = readonly [
  path: string,
  kind: number,
  mode: number,
  uid: number,
  gid: number,
  mtime: number,
  mtimeNs: number,
  size: number,
  at: number,
  dataAt: number,
  digest: string,
  rest?: Rest,
]

export function encodeIndex(index: LayerIndex): string {
  return assembleIndex(index, encodeEntries(index.entries))
}

/** Encodes the entries, which is most of the work of `encodeIndex`, and possible before the layer's digest is known. */
export function encodeEntries(entries: readonly LayerEntry[]): string {
  return JSON.stringify(entries.map(rowOf))
}

/** Completes the encoding. */
export function assembleIndex({ diffId, size }: Pick<LayerIndex, 'diffId' | 'size'>, entries: string): string {
  return `${JSON.stringify({ format, diffId, size }).slice(0, -1)},"entries":${entries}}`
}

/** Decodes what `encodeIndex` wrote; returns undefined for another format, whose index must be rebuilt. */
export function decodeIndex(text: string): LayerIndex | undefined {
  try {
    const raw = JSON.parse(text) as { format: number; diffId: Digest; size: number; entries: Row[] }
    if (raw.format !== format) return undefined
    return { diffId: raw.diffId, size: raw.size, entries: raw.entries.map(entryOf) }
  } catch {
    return undefined
  }
}

function rowOf(entry: LayerEntry): Row {
  const { path, mode, uid, gid, mtime, mtimeNs, size, at, runs } = entry
  const plain = runs.length === 0 || (runs.length === 1 && runs[0]!.position === 0 && runs[0]!.length === size)
  const dataAt = plain && runs.length > 0 ? runs[0]!.at : -1
  const kind = kinds.indexOf(entry.kind)
  const digest = entry.digest ?? ''
  if (plain && entry.link === undefined && entry.device === undefined && entry.xattrs === undefined)
    return [path, kind, mode, uid, gid, mtime, mtimeNs, size, at, dataAt, digest]
  return [path, kind, mode, uid, gid, mtime, mtimeNs, size, at, dataAt, digest, restOf(entry, plain)]
}

function restOf({ link, device, xattrs, runs }: LayerEntry, plain: boolean): Rest {
  return {
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { device }),
    ...(xattrs === undefined
      ? {}
      : { xattrs: [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')] as const) }),
    ...(plain ? {} : { runs: runs.map((run) => [run.position, run.length, run.at] as const) }),
  }
}

const noRuns: readonly StoredRun[] = []

function entryOf([path, kind, mode, uid, gid, mtime, mtimeNs, size, at, dataAt, digest, rest]: Row): LayerEntry {
  const runs =
    rest?.runs?.map(([position, length, at]) => ({ position, length, at })) ??
    (dataAt < 0 ? noRuns : [{ position: 0, length: size, at: dataAt }])
  // One shape for all, as a literal: spreading is many times slower, and there may be tens of thousands.
  const entry: LayerEntry = {
    path,
    kind: kinds[kind]!,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    size,
    at,
    runs,
    digest: digest === '' ? undefined : (digest as Digest),
  }
  return rest === undefined ? entry : { ...entry, ...detailsOf(rest) }
}

function detailsOf({ link, device, xattrs }: Rest): Partial<LayerEntry> {
  return {
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { device }),
    ...(xattrs === undefined
      ? {}
      : { xattrs: new Map(xattrs.map(([name, value]) => [name, Buffer.from(value, 'base64')])) }),
  }
}
