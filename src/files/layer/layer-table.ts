import { isAscii } from 'node:buffer'
import type { Digest } from '../../oci/index.ts'
import { decodeName } from '../../support/index.ts'
import type { StoredRun } from '../tar/index.ts'
import type { LayerEntry } from './layer-entry.ts'

/** By their numbers in a table. */
export const kindsOfEntries = [
  ...(['file', 'hardlink', 'symlink', 'char', 'block', 'directory', 'fifo', 'remove', 'hide', 'touch'] as const),
] as const

/** Members that few entries have. */
export interface Rest {
  readonly link?: string
  readonly device?: readonly [number, number]
  readonly xattrs?: readonly (readonly [string, string])[]
  readonly runs?: readonly (readonly [number, number, number])[]
}

/** The columns of a table, one value per entry. */
export interface Columns {
  readonly mtime: Float64Array
  readonly size: Float64Array
  readonly at: Float64Array
  /** Where the body is, if in one piece; -1 for none, or for several, which are in the rest. */
  readonly dataAt: Float64Array
  readonly mode: Uint32Array
  readonly uid: Uint32Array
  readonly gid: Uint32Array
  readonly mtimeNs: Uint32Array
  /** The table's prefix with which its path starts. */
  readonly prefix: Uint32Array
  /** Where its name ends in the names; it starts where the previous one ends. */
  readonly nameEnd: Uint32Array
  /** Index in `kindsOfEntries`, plus 128 if the digest is known. */
  readonly kind: Uint8Array
  /** 32 bytes each. Where the digest is not known: what files share that were found to have the same bytes, or zeros. */
  readonly digest: Uint8Array
}

export const digestKnown = 0x80
const digestSize = 32
const noRuns: readonly StoredRun[] = []

/**
 * The entries of a layer in columns, as on disk: hundreds of thousands are available as soon as they are read, and only requested
 * ones become objects.
 */
export class LayerTable {
  readonly count: number
  readonly columns: Columns
  /** What paths start with: '' or `usr/lib/`. */
  readonly prefixes: readonly string[]
  /** All names, one after the other. */
  readonly names: Buffer
  /** The same as text, one character per byte; undefined if these are not all ASCII, null until somebody asks. */
  private ascii: string | undefined | null = null
  readonly rest: ReadonlyMap<number, Rest>

  private contentSize: number | undefined

  /** `content`: the bytes of its files, if they have been added up before. */
  constructor(
    columns: Columns,
    prefixes: readonly string[],
    names: Buffer,
    rest: ReadonlyMap<number, Rest>,
    content?: number,
  ) {
    this.count = columns.kind.length
    this.columns = columns
    this.prefixes = prefixes
    this.names = names
    this.rest = rest
    this.contentSize = content
  }

  /** The bytes of its files. */
  get content(): number {
    this.contentSize ??= sizeOfFiles(this.columns)
    return this.contentSize
  }

  kind(i: number): LayerEntry['kind'] {
    return kindsOfEntries[this.columns.kind[i]! & ~digestKnown]!
  }

  name(i: number): string {
    const start = this.nameStart(i)
    const end = this.columns.nameEnd[i]!
    if (this.ascii === null) this.ascii = asciiOf(this.names)
    return this.ascii === undefined ? decodeName(this.names.subarray(start, end)) : this.ascii.slice(start, end)
  }

  /** Whether the names of these entries are different, and in the order of their bytes. */
  areNamesSorted(from: number, to: number): boolean {
    const { names } = this
    const { nameEnd } = this.columns
    let start = this.nameStart(from)
    for (let next = from + 1; next < to; next++) {
      const middle = nameEnd[next - 1]!
      const end = nameEnd[next]!
      let at = start
      let other = middle
      while (at < middle && other < end && names[at] === names[other]) {
        at += 1
        other += 1
      }
      // The shorter comes first; what ends together is the same name.
      if (other === end || (at < middle && names[at]! > names[other]!)) return false
      start = middle
    }
    return true
  }

  /** Whether an entry's name ends with ASCII text. */
  doesNameEndWith(i: number, text: string): boolean {
    const end = this.columns.nameEnd[i]!
    const start = end - text.length
    if (start < this.nameStart(i)) return false
    for (let at = start; at < end; at++) if (this.names[at] !== text.charCodeAt(at - start)) return false
    return true
  }

  path(i: number): string {
    return this.prefixes[this.columns.prefix[i]!]! + this.name(i)
  }

  /** Whether an entry has the path of one in another table: without making text of them. */
  hasPathOf(i: number, other: LayerTable, j: number): boolean {
    if (this.prefixes[this.columns.prefix[i]!] !== other.prefixes[other.columns.prefix[j]!]) return false
    const [start, otherStart] = [this.nameStart(i), other.nameStart(j)]
    const length = this.columns.nameEnd[i]! - start
    if (length !== other.columns.nameEnd[j]! - otherStart) return false
    for (let at = 0; at < length; at++) if (this.names[start + at] !== other.names[otherStart + at]) return false
    return true
  }

  private nameStart(i: number): number {
    return i === 0 ? 0 : this.columns.nameEnd[i - 1]!
  }

  hasDigest(i: number): boolean {
    return (this.columns.kind[i]! & digestKnown) !== 0
  }

  digest(i: number): Digest | undefined {
    const { digest } = this.columns
    if (!this.hasDigest(i)) return undefined
    const bytes = Buffer.from(digest.buffer, digest.byteOffset + i * digestSize, digestSize)
    return `sha256:${bytes.toString('hex')}`
  }

  /** Adds a digest that was computed later. */
  keepDigest(i: number, digest: Digest): void {
    this.columns.digest.set(Buffer.from(digest.slice(digest.indexOf(':') + 1), 'hex'), i * digestSize)
    this.columns.kind[i]! |= digestKnown
  }

  /**
   * Whether two files have the same bytes; undefined if that is not known. `keepSame` may have said so: then they need no digests.
   */
  isSame(i: number, other: LayerTable, j: number): boolean | undefined {
    const known = this.hasDigest(i)
    if (known !== other.hasDigest(j)) return undefined
    const isEqual = areEqual(this.sum(i), other.sum(j))
    return known ? isEqual : (isEqual && isMarked(this.sum(i))) || undefined
  }

  /**
   * Records that two files have the same bytes. If one has a digest, it is the other's as well. Otherwise both get a mark that other
   * files with these bytes get too: where the first of them is, as no other file is there.
   */
  keepSame(i: number, other: LayerTable, j: number, diffId: Digest): void {
    if (this.hasDigest(i) || other.hasDigest(j)) {
      const [from, at, to, place] = this.hasDigest(i) ? [this, i, other, j] : [other, j, this, i]
      to.sum(place).set(from.sum(at))
      to.columns.kind[place]! |= digestKnown
      return
    }
    const [mine, others] = [this.sum(i), other.sum(j)]
    if (!isMarked(mine)) {
      if (isMarked(others)) mine.set(others)
      else {
        mine.set(Buffer.from(diffId.slice(diffId.indexOf(':') + 1), 'hex'))
        new DataView(mine.buffer, mine.byteOffset).setFloat64(0, this.columns.at[i]!)
      }
    }
    others.set(mine)
  }

  /** The 32 bytes of an entry in the column of digests. */
  private sum(i: number): Uint8Array {
    return this.columns.digest.subarray(i * digestSize, (i + 1) * digestSize)
  }

  /** Returns the target of a symlink or hard link. */
  link(i: number): string | undefined {
    return this.rest.get(i)?.link
  }

  /** Whether the columns describe it completely: it is not a link or device, and has no attributes and no holes. */
  isPlain(i: number): boolean {
    return !this.rest.has(i)
  }

  /** Whether the digests of all files are known. */
  get isHashed(): boolean {
    return !this.columns.kind.includes(0)
  }

  /** Returns one entry. */
  entry(i: number): LayerEntry {
    const { mode, uid, gid, mtime, mtimeNs, size, at, dataAt } = this.columns
    const rest = this.rest.get(i)
    const runs =
      rest?.runs?.map(([position, length, at]) => ({ position, length, at })) ??
      (dataAt[i]! < 0 ? noRuns : [{ position: 0, length: size[i]!, at: dataAt[i]! }])
    // One shape for all, as a literal: spreading is many times slower, and there may be tens of thousands.
    const entry: LayerEntry = {
      path: this.path(i),
      kind: this.kind(i),
      mode: mode[i]!,
      uid: uid[i]!,
      gid: gid[i]!,
      mtime: mtime[i]!,
      mtimeNs: mtimeNs[i]!,
      size: size[i]!,
      at: at[i]!,
      runs,
      digest: this.digest(i),
    }
    return rest === undefined ? entry : { ...entry, ...detailsOf(rest) }
  }
}

function asciiOf(names: Buffer): string | undefined {
  return isAscii(names) ? names.toString('latin1') : undefined
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 0; at < digestSize; at++) if (a[at] !== b[at]) return false
  return true
}

function isMarked(sum: Uint8Array): boolean {
  for (let at = 0; at < digestSize; at++) if (sum[at] !== 0) return true
  return false
}

function sizeOfFiles({ kind, size }: Columns): number {
  let sum = 0
  for (let i = 0; i < kind.length; i++) if ((kind[i]! & ~digestKnown) === 0) sum += size[i]!
  return sum
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
