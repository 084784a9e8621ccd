import { ContentReader, compareExtents, digestOf, type ExtentPair } from '../../files/layer/index.ts'
import type { InspectedLayer } from '../image.ts'
import { fileOf, isSameEntry, type PlacedEntry } from './layer-entries.ts'

const pieceSize = 1 << 18

export interface ReadOptions {
  /** Makes sure that layers are intact at their paths, before their files are read. */
  readonly unpack?: ((layers: readonly InspectedLayer[]) => Promise<void>) | undefined
  readonly signal?: AbortSignal | undefined
}

type Pair = readonly [a: PlacedEntry, b: PlacedEntry]

/** Compares contents: by what their indexes say if that is enough, otherwise by reading. What was found equal is in the indexes then. */
export class ByteComparison {
  /** Layers whose indexes say more now. */
  readonly learnt = new Set<InspectedLayer>()
  private readonly different = new PairSet()
  private readonly readers = [new ContentReader(), new ContentReader()] as const
  private waiting: Waiting | undefined

  close(): void {
    for (const reader of this.readers) reader.close()
  }

  /** From now on, files are taken for equal that would have to be read, until `catchUp`. */
  putOff(): void {
    this.waiting = { pairs: [], known: new PairSet() }
  }

  /** Reads what was put off, all together. Returns whether there was anything, so that the answers were provisional. */
  async catchUp({ unpack, signal }: ReadOptions): Promise<boolean> {
    const { pairs } = this.waiting ?? { pairs: [] }
    this.waiting = undefined
    if (pairs.length === 0) return false
    await unpack?.([...new Set(pairs.flatMap((pair) => pair.map(({ layer }) => layer)))])
    const plain = pairs.flatMap((pair) => {
      const extents = extentsOf(pair)
      return extents === undefined ? [] : [{ pair, extents }]
    })
    const outcomes = await compareExtents(
      plain.map(({ extents }) => extents),
      signal,
    )
    for (const [i, { pair }] of plain.entries()) {
      if (outcomes[i] === 'same') this.learn(pair)
      else if (outcomes[i] === 'different') this.different.add(pair)
    }
    return true
  }

  /** Whether two files have the same bytes. */
  same(a: PlacedEntry, b: PlacedEntry): boolean {
    const [sizeA, sizeB] = [a.table.columns.size[a.i]!, b.table.columns.size[b.i]!]
    if (sizeA !== sizeB) return false
    if (sizeA === 0 || isSameEntry(a, b)) return true
    const answer = a.table.isSame(a.i, b.table, b.i)
    if (answer !== undefined) return answer
    // What is read elsewhere than in the store may have changed: the bytes of a file are then what its digest says, or nothing.
    const [known, other] = a.table.hasDigest(a.i) ? [a, b] : [b, a]
    if (known.table.hasDigest(known.i) && known.layer.offset !== undefined) return this.hash(other, known)
    const pair = [a, b] as const
    if (this.different.has(pair)) return false
    if (this.waiting === undefined) return this.compare(pair, sizeA)
    if (!this.waiting.known.has(pair)) this.waiting.pairs.push(pair)
    this.waiting.known.add(pair)
    return true
  }

  private learn([a, b]: Pair): void {
    a.table.keepSame(a.i, b.table, b.i, a.layer.index.diffId)
    this.learnt.add(a.layer).add(b.layer)
  }

  private hash(entry: PlacedEntry, known: PlacedEntry): boolean {
    entry.table.keepDigest(entry.i, digestOf(fileOf(entry), this.readers[0]))
    this.learnt.add(entry.layer)
    return entry.table.isSame(entry.i, known.table, known.i) === true
  }

  private compare(pair: Pair, size: number): boolean {
    const [fileA, fileB] = pair.map(fileOf)
    const left = Buffer.allocUnsafe(Math.min(size, pieceSize))
    const right = Buffer.allocUnsafe(left.length)
    for (let position = 0; position < size; position += pieceSize) {
      const length = Math.min(pieceSize, size - position)
      this.readers[0].read(fileA!.content, left.subarray(0, length), position)
      this.readers[1].read(fileB!.content, right.subarray(0, length), position)
      if (left.compare(right, 0, length, 0, length) === 0) continue
      this.different.add(pair)
      return false
    }
    this.learn(pair)
    return true
  }
}

interface Waiting {
  readonly pairs: Pair[]
  readonly known: PairSet
}

/** Where both files are, if each is in one piece. */
function extentsOf([a, b]: Pair): ExtentPair | undefined {
  const [inA, inB] = [a.table.columns.dataAt[a.i]!, b.table.columns.dataAt[b.i]!]
  if (inA < 0 || inB < 0) return undefined
  return {
    ...{ pathA: a.layer.path, atA: (a.layer.offset ?? 0) + inA },
    ...{ pathB: b.layer.path, atB: (b.layer.offset ?? 0) + inB },
    size: a.table.columns.size[a.i]!,
  }
}

/** Pairs of files: hundreds of thousands are numbers. */
class PairSet {
  private readonly numbers = new Map<object, Map<object, Set<number>>>()

  has([a, b]: Pair): boolean {
    return this.numbers.get(a.table)?.get(b.table)?.has(numberOf(a, b)) === true
  }

  add([a, b]: Pair): void {
    const ofA = this.numbers.get(a.table) ?? new Map<object, Set<number>>()
    const both = ofA.get(b.table) ?? new Set()
    this.numbers.set(a.table, ofA.set(b.table, both.add(numberOf(a, b))))
  }
}

function numberOf(a: PlacedEntry, b: PlacedEntry): number {
  return a.i * b.table.count + b.i
}
