import type { Digest } from '../../oci/index.ts'
import type { StoredRun, TarKind } from '../tar/index.ts'

/**
 * One entry of a layer.
 * - `remove`: a whiteout; `path` is what is gone.
 * - `hide`: an opaque marker; nothing of lower layers shows in the directory `path`.
 * - `settle`: not in the layer: a directory whose time alone changed when the layer was made.
 */
export interface LayerEntry {
  /** Clean and relative: no `./`, no `/` at either end, no `..`. */
  readonly path: string
  readonly kind: TarKind | 'remove' | 'hide' | 'settle'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly mtimeNs: number
  readonly size: number
  /** Where the entry's first header begins in the layer, in bytes; -1 for what is not in it. */
  readonly at: number
  /** Where its body lies in the layer. */
  readonly runs: readonly StoredRun[]
  readonly link?: string
  readonly device?: readonly [major: number, minor: number]
  readonly xattrs?: ReadonlyMap<string, Uint8Array>
  /** sha256 of the content, once somebody has read it. */
  digest?: Digest | undefined
}

/** What is in a layer, so that it need not be read again: kept beside the blob. */
export interface LayerIndex {
  readonly diffId: Digest
  /** Bytes of the layer, uncompressed. */
  readonly size: number
  readonly entries: readonly LayerEntry[]
}

/** Sum of the sizes of the layer's files: what docker calls the size of an image is the sum over its layers. */
export function contentSize(index: LayerIndex): number {
  let sum = 0
  for (const entry of index.entries) if (entry.kind === 'file') sum += entry.size
  return sum
}

const format = 2
const kinds = ['file', 'hardlink', 'symlink', 'char', 'block', 'directory', 'fifo', 'remove', 'hide', 'settle'] as const

// A row holds what nearly every entry has in fixed places, and the rest in one object at its end: thousands of rows
// are parsed on the way to a small build.
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

/** The entries' part of `encodeIndex`: most of the work, which can be done before the layer's digest is known. */
export function encodeEntries(entries: readonly LayerEntry[]): string {
  return JSON.stringify(entries.map(rowOf))
}

/** The rest of `encodeIndex`. */
export function assembleIndex({ diffId, size }: Pick<LayerIndex, 'diffId' | 'size'>, entries: string): string {
  return `${JSON.stringify({ format, diffId, size }).slice(0, -1)},"entries":${entries}}`
}

/** The index that `encodeIndex` wrote; undefined for text of another format, which is then to be made again. */
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
