import { isDigest } from '../../oci/index.ts'
import type { LayerEntry, LayerIndex } from './layer-index.ts'
import { type Columns, digestKnown, kindsOfEntries, LayerTable, type Rest } from './layer-table.ts'
import { TableWriter } from './table-writer.ts'

// The format on disk: a line of JSON, padded to a multiple of eight bytes, then each column as in memory, then prefixes, names
// and the rest. Numbers are in the machine's byte order, which the first line states.
const format = 5
// As node:os says it, which every command would load for this.
const order = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'LE' : 'BE'

interface Head {
  readonly format: number
  readonly order: string
  readonly diffId: string
  readonly size: number
  /** Bytes of the files. */
  readonly content: number
  readonly count: number
  readonly prefixes: number
  readonly names: number
  readonly rest: number
}

type EncodedEntries = { readonly head: Omit<Head, 'diffId' | 'size'>; readonly parts: readonly Uint8Array[] }

export function encodeIndex(index: LayerIndex): Buffer {
  return encodeWith(index, tableFrom(index.entries))
}

/** The same for entries that are in columns. */
export function encodeWith(layer: Pick<LayerIndex, 'diffId' | 'size'>, table: LayerTable): Buffer {
  return Buffer.concat(assembleIndex(layer, encodeTable(table)))
}

/** Combines a layer's digest and size with its encoded entries. */
export function assembleIndex(
  { diffId, size }: Pick<LayerIndex, 'diffId' | 'size'>,
  encoded: EncodedEntries,
): readonly Uint8Array[] {
  const text = JSON.stringify({ ...encoded.head, diffId, size })
  const line = `${text.padEnd(text.length + ((8 - ((text.length + 1) % 8)) % 8))}\n`
  return [Buffer.from(line), ...encoded.parts]
}

/** Encodes the entries, which is most of the work, and possible before the layer's digest is known. */
export function encodeTable(table: LayerTable): EncodedEntries {
  const { columns, count, prefixes, names, rest } = table
  const prefixBytes = Buffer.from(JSON.stringify(prefixes))
  const restBytes = Buffer.from(JSON.stringify([...rest]))
  const sizes = { prefixes: prefixBytes.length, names: names.length, rest: restBytes.length }
  const bytesOf = (column: Float64Array | Uint32Array | Uint8Array) =>
    new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
  return {
    head: { format, order, content: table.content, count, ...sizes },
    parts: [...layoutOf.map((name) => bytesOf(columns[name])), prefixBytes, names, restBytes],
  }
}

/** The order of the columns: those with the widest numbers first, so that all are aligned. */
const layoutOf = [
  ...([
    'mtime',
    'size',
    'at',
    'dataAt',
    'mode',
    'uid',
    'gid',
    'mtimeNs',
    'prefix',
    'nameEnd',
    'kind',
    'digest',
  ] as const),
] as const
const widths = { mtime: 8, size: 8, at: 8, dataAt: 8, kind: 1, digest: 32 } as const
const widthOf = (name: keyof Columns) => (name in widths ? widths[name as keyof typeof widths] : 4)

/** Returns the index in columns, as it was read or converted now. */
export function tableOf(index: LayerIndex): LayerTable {
  return index.table ?? tableFrom(index.entries)
}

function tableFrom(entries: readonly LayerEntry[]): LayerTable {
  const writer = new TableWriter(entries.length)
  for (const entry of entries) writer.add(entry)
  return writer.done()
}

/** Returns the index of a layer whose entries are in columns. */
export function indexOf(layer: Pick<LayerIndex, 'diffId' | 'size'>, table: LayerTable): LayerIndex {
  return new TableIndex(layer, table)
}

/** Creates entry objects only when all of them are requested. */
class TableIndex implements LayerIndex {
  readonly diffId: LayerIndex['diffId']
  readonly size: number
  readonly table: LayerTable
  made: readonly LayerEntry[] | undefined

  constructor({ diffId, size }: Pick<LayerIndex, 'diffId' | 'size'>, table: LayerTable) {
    this.diffId = diffId
    this.size = size
    this.table = table
  }

  get entries(): readonly LayerEntry[] {
    this.made ??= Array.from({ length: this.table.count }, (_, i) => this.table.entry(i))
    return this.made
  }
}

/** Returns the bytes of a layer's files from the start of its encoded index; undefined for another format, or damaged data. */
export function readContentSize(start: Buffer, diffId: string): number | undefined {
  try {
    const head = JSON.parse(start.toString('latin1', 0, start.indexOf(10))) as Head
    return head.format === format && head.diffId === diffId && head.content >= 0 ? head.content : undefined
  } catch {
    return undefined
  }
}

/** Decodes what `encodeIndex` wrote; returns undefined for another format or damaged data, so that the index is rebuilt. */
export function decodeIndex(bytes: Buffer): LayerIndex | undefined {
  try {
    const lineEnd = bytes.indexOf(10)
    const head = JSON.parse(bytes.toString('latin1', 0, lineEnd)) as Head
    if (head.format !== format || head.order !== order || !isDigest(head.diffId)) return undefined
    // Typed arrays must be aligned to the width of their numbers.
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(Uint8Array.from(bytes).buffer)
    const take = reader(aligned, lineEnd + 1)
    const columns = columnsFrom(head.count, take)
    const prefixes = JSON.parse(take(head.prefixes).toString('utf8')) as string[]
    const names = take(head.names)
    const rest = JSON.parse(take(head.rest).toString('utf8')) as [number, Rest][]
    if (take(0).byteOffset !== aligned.byteOffset + aligned.length) return undefined
    if (!areSound(columns, prefixes.length, names.length)) return undefined
    return new TableIndex(
      { diffId: head.diffId, size: head.size },
      new LayerTable(columns, prefixes, names, new Map(rest), sizeIn(head)),
    )
  } catch {
    return undefined
  }
}

function sizeIn({ content }: Head): number | undefined {
  return Number.isSafeInteger(content) && content >= 0 ? content : undefined
}

function reader(bytes: Buffer, from: number): (length: number) => Buffer {
  let at = from
  return (length) => {
    if (!(length >= 0) || at + length > bytes.length) throw new RangeError('the index is cut short')
    at += length
    return bytes.subarray(at - length, at)
  }
}

function columnsFrom(count: number, take: (length: number) => Buffer): Columns {
  const columns = layoutOf.map((name) => {
    const { buffer, byteOffset } = take(count * widthOf(name))
    if (widthOf(name) === 8) return [name, new Float64Array(buffer, byteOffset, count)]
    if (widthOf(name) === 4) return [name, new Uint32Array(buffer, byteOffset, count)]
    return [name, new Uint8Array(buffer, byteOffset, count * widthOf(name))]
  })
  return Object.fromEntries(columns) as Columns
}

function areSound(columns: Columns, prefixes: number, names: number): boolean {
  return endOfSound(columns, prefixes) === names
}

/**
 * Returns where the last name ends; -1 if something is wrong. A loop over all entries is a function of its own, here and where else
 * hundreds of thousands are looked at once: V8 optimizes it while it runs, and discards that if something follows that has not run yet.
 */
function endOfSound({ prefix, nameEnd, kind }: Columns, prefixes: number): number {
  let end = 0
  for (let i = 0; i < kind.length; i++) {
    if (prefix[i]! >= prefixes || nameEnd[i]! < end || (kind[i]! & ~digestKnown) >= kindsOfEntries.length) return -1
    end = nameEnd[i]!
  }
  return end
}
