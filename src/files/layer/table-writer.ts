import { decodeName, encodeName } from '../../support/index.ts'
import type { LayerEntry } from './layer-entry.ts'
import { type Columns, digestKnown, kindsOfEntries, LayerTable, type Rest } from './layer-table.ts'

const nameLength = 24

/** Puts entries into columns, one after the other. */
export class TableWriter {
  private columns: Columns
  private names: Buffer
  private namesEnd = 0
  private count = 0
  private readonly prefixes: string[] = []
  private readonly numbers = new Map<string, number>()
  private readonly rest = new Map<number, Rest>()

  /** `expected`: about how many entries there will be. */
  constructor(expected = 0) {
    this.columns = columnsFor(Math.max(16, expected))
    this.names = Buffer.allocUnsafeSlow(Math.max(1024, expected * nameLength))
  }

  get length(): number {
    return this.count
  }

  add(entry: LayerEntry): void {
    const i = this.count++
    if (i === this.columns.kind.length) this.columns = columnsFor(i * 2, this.columns)
    const { columns } = this
    const { path, runs, digest, size } = entry
    const slash = path.lastIndexOf('/') + 1
    columns.prefix[i] = this.numberOf(path.slice(0, slash))
    columns.nameEnd[i] = this.addName(slash === 0 ? path : path.slice(slash))
    columns.kind[i] = kindsOfEntries.indexOf(entry.kind) | (digest === undefined ? 0 : digestKnown)
    if (digest !== undefined) bufferOf(columns.digest).write(digest.slice('sha256:'.length), i * 32, 'hex')
    columns.mode[i] = entry.mode
    columns.uid[i] = entry.uid
    columns.gid[i] = entry.gid
    columns.mtime[i] = entry.mtime
    columns.mtimeNs[i] = entry.mtimeNs
    columns.size[i] = size
    columns.at[i] = entry.at
    const plain = runs.length === 0 || (runs.length === 1 && runs[0]!.position === 0 && runs[0]!.length === size)
    columns.dataAt[i] = plain && runs.length > 0 ? runs[0]!.at : -1
    if (!plain || entry.link !== undefined || entry.device !== undefined || entry.xattrs !== undefined)
      this.rest.set(i, restOf(entry, plain))
  }

  pathOf(i: number): string {
    const { prefix, nameEnd } = this.columns
    const name = this.names.subarray(i === 0 ? 0 : nameEnd[i - 1]!, nameEnd[i]!)
    return this.prefixes[prefix[i]!]! + decodeName(name)
  }

  done(): LayerTable {
    const { columns, count } = this
    const cut = Object.entries(columns).map(([name, column]) => [name, column.subarray(0, widthOf(name) * count)])
    const names = this.names.subarray(0, this.namesEnd)
    return new LayerTable(Object.fromEntries(cut) as Columns, this.prefixes, names, this.rest)
  }

  private numberOf(prefix: string): number {
    let number = this.numbers.get(prefix)
    if (number === undefined) {
      number = this.prefixes.length
      this.numbers.set(prefix, number)
      this.prefixes.push(prefix)
    }
    return number
  }

  private addName(name: string): number {
    const room = this.namesEnd + name.length * 3
    if (room > this.names.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(room, this.names.length * 2))
      this.names.copy(grown, 0, 0, this.namesEnd)
      this.names = grown
    }
    // A surrogate may stand for a byte that is no UTF-8.
    this.namesEnd += /[\ud800-\udfff]/.test(name)
      ? encodeName(name).copy(this.names, this.namesEnd)
      : this.names.write(name, this.namesEnd)
    return this.namesEnd
  }
}

const widthOf = (column: string) => (column === 'digest' ? 32 : 1)

function columnsFor(count: number, before?: Columns): Columns {
  const columns: Columns = {
    ...{ mtime: new Float64Array(count), size: new Float64Array(count), at: new Float64Array(count) },
    ...{ dataAt: new Float64Array(count), mode: new Uint32Array(count), uid: new Uint32Array(count) },
    ...{ gid: new Uint32Array(count), mtimeNs: new Uint32Array(count), prefix: new Uint32Array(count) },
    ...{ nameEnd: new Uint32Array(count), kind: new Uint8Array(count), digest: new Uint8Array(count * 32) },
  }
  if (before !== undefined)
    for (const [name, column] of Object.entries(columns)) column.set(before[name as keyof Columns])
  return columns
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
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
