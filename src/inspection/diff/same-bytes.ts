import { createHash, hash as hashAtOnce } from 'node:crypto'
import { ContentReader, digestOf, type LayerTable } from '../../files/layer/index.ts'
import type { Digest } from '../../oci/index.ts'
import { fileOf, isSameEntry, type PlacedEntry } from './layer-entries.ts'

const pieceSize = 1 << 18

/** A digest computed by reading. */
export interface LearntDigest extends PlacedEntry {
  readonly digest: Digest
}

/** Compares contents: by digests if known, otherwise by reading. Computed digests are kept. */
export class ByteComparison {
  readonly learnt: LearntDigest[] = []
  /** The same by entry: a file with several names is read once. */
  private readonly known = new Map<LayerTable, Map<number, Digest>>()
  private readonly readers = [new ContentReader(), new ContentReader()] as const

  close(): void {
    for (const reader of this.readers) reader.close()
  }

  /** Whether two files have the same bytes. Files of different sizes, or with an early difference, need no digest. */
  same(a: PlacedEntry, b: PlacedEntry): boolean {
    const [sizeA, sizeB] = [a.table.columns.size[a.i]!, b.table.columns.size[b.i]!]
    if (sizeA !== sizeB) return false
    if (sizeA === 0 || isSameEntry(a, b)) return true
    const [digestA, digestB] = [this.digest(a), this.digest(b)]
    if (digestA !== undefined && digestB !== undefined) return digestA === digestB
    if (digestA !== undefined) return this.learn(b, 1) === digestA
    if (digestB !== undefined) return this.learn(a, 0) === digestB
    return this.compare(a, b, sizeA)
  }

  private learn(entry: PlacedEntry, side: 0 | 1): Digest {
    const digest = digestOf(fileOf(entry), this.readers[side])
    this.keep(entry, digest)
    return digest
  }

  private digest({ table, i }: PlacedEntry): Digest | undefined {
    return table.digest(i) ?? this.known.get(table)?.get(i)
  }

  private keep(entry: PlacedEntry, digest: Digest): void {
    this.learnt.push({ ...entry, digest })
    const known = this.known.get(entry.table) ?? new Map<number, Digest>()
    this.known.set(entry.table, known.set(entry.i, digest))
  }

  private compare(a: PlacedEntry, b: PlacedEntry, size: number): boolean {
    const [fileA, fileB] = [fileOf(a), fileOf(b)]
    const left = Buffer.allocUnsafe(Math.min(size, pieceSize))
    const right = Buffer.allocUnsafe(left.length)
    const hash = size <= pieceSize ? undefined : createHash('sha256')
    for (let position = 0; position < size; position += pieceSize) {
      const length = Math.min(pieceSize, size - position)
      this.readers[0].read(fileA.content, left.subarray(0, length), position)
      this.readers[1].read(fileB.content, right.subarray(0, length), position)
      if (left.compare(right, 0, length, 0, length) !== 0) return false
      hash?.update(left.subarray(0, length))
    }
    const digest: Digest = `sha256:${hash?.digest('hex') ?? hashAtOnce('sha256', left)}`
    this.keep(a, digest)
    this.keep(b, digest)
    return true
  }
}
