import { isRowLike, isRowOf, roomFor, rowDigest, rowEnd, rowName, type Sight, writeRow } from './memory-rows.ts'

type Digest = `sha256:${string}`

const nothing = Buffer.alloc(0)

/** What is known about the files of one folder: rows of an earlier build, and files that are new or changed. */
export class FolderMemory {
  private readonly earlier: Buffer
  /** For each file seen: the position of its row in `earlier` plus 1; 0 for a new or changed file. */
  private readonly places: Uint32Array
  private count = 0
  /** Bytes of `earlier` that belong to unchanged files. */
  private kept = 0
  // Files usually come in the same order as before.
  private next = 0
  private byName: ReadonlyMap<string, number> | undefined
  private fresh: FreshFiles | undefined

  constructor(earlier: Buffer = nothing, files: number) {
    this.earlier = earlier
    this.places = new Uint32Array(files)
  }

  /** Records the stat of a file at `seen`, in milliseconds since 1970. Returns the file's number. */
  see(name: string, sight: Sight, seen: number): number {
    const number = this.count++
    const at = this.find(name)
    if (at !== undefined && isRowLike(this.earlier, at, sight)) {
      this.places[number] = at + 1
      this.kept += rowEnd(this.earlier, at) - at
    } else {
      this.fresh ??= new FreshFiles(this.places.length)
      this.fresh.add(number, name, sight, seen)
    }
    return number
  }

  digestOf(number: number): Digest | undefined {
    const place = this.places[number]!
    const hex = place > 0 ? rowDigest(this.earlier, place - 1) : this.fresh?.digestOf(number)
    return hex === undefined ? undefined : `sha256:${hex}`
  }

  learn(number: number, digest: Digest): void {
    if (this.places[number] === 0) this.fresh?.learn(number, digest.slice('sha256:'.length))
  }

  /** Whether the rows differ from those of the earlier build. */
  isNew(): boolean {
    return this.kept < this.earlier.length || this.fresh?.hasRows() === true
  }

  /** Returns the rows to save. */
  rows(): Uint8Array {
    if (this.fresh === undefined && this.kept === this.earlier.length) return this.earlier
    const rows = Buffer.allocUnsafeSlow(this.kept + (this.fresh?.room() ?? 0))
    let end = 0
    for (let number = 0; number < this.count; number++) {
      const place = this.places[number]! - 1
      if (place >= 0) end += this.earlier.copy(rows, end, place, rowEnd(this.earlier, place))
      else end = this.fresh?.writeRow(rows, end, number) ?? end
    }
    return rows.subarray(0, end)
  }

  private find(name: string): number | undefined {
    if (this.earlier.length === 0) return undefined
    if (this.next < this.earlier.length && isRowOf(this.earlier, this.next, name)) {
      const at = this.next
      this.next = rowEnd(this.earlier, at)
      return at
    }
    this.byName ??= this.placesByName()
    const at = this.byName.get(name)
    if (at !== undefined) this.next = rowEnd(this.earlier, at)
    return at
  }

  private placesByName(): ReadonlyMap<string, number> {
    const places = new Map<string, number>()
    for (let at = 0; at < this.earlier.length; at = rowEnd(this.earlier, at)) places.set(rowName(this.earlier, at), at)
    return places
  }
}

const facts = 4

/** New or changed files, in columns. */
class FreshFiles {
  private readonly names: string[] = []
  private readonly facts: Float64Array
  private readonly digests: Buffer
  private readonly known: Uint8Array
  private readonly trusted: Uint8Array

  constructor(files: number) {
    this.facts = new Float64Array(files * facts)
    this.digests = Buffer.alloc(files * 32)
    this.known = new Uint8Array(files)
    this.trusted = new Uint8Array(files)
  }

  add(number: number, name: string, sight: Sight, seen: number): void {
    const { size, mtimeMs, ctimeMs, ino } = sight
    this.names[number] = name
    this.facts.set([size, mtimeMs, ctimeMs, ino], number * facts)
    this.trusted[number] = isSettled(sight, seen) ? 1 : 0
  }

  learn(number: number, hex: string): void {
    this.digests.write(hex, number * 32, 'hex')
    this.known[number] = 1
  }

  digestOf(number: number): string | undefined {
    return this.known[number] === 1 ? this.digests.toString('hex', number * 32, number * 32 + 32) : undefined
  }

  hasRows(): boolean {
    return this.known.some((known, number) => known === 1 && this.trusted[number] === 1)
  }

  /** Returns an upper bound for the length of the rows. */
  room(): number {
    return this.names.reduce((sum, name) => sum + roomFor(name), 0)
  }

  /** Returns where the row ends; the same place if the file has none. */
  writeRow(rows: Buffer, from: number, number: number): number {
    if (this.known[number] !== 1 || this.trusted[number] !== 1) return from
    const at = number * facts
    const digest = this.digests.subarray(number * 32, number * 32 + 32)
    return writeRow(rows, from, this.names[number]!, this.facts.subarray(at, at + facts), digest)
  }
}

/** Whether the file changed long enough before it was seen that a later change would be noticed. */
function isSettled({ mtimeMs, ctimeMs }: Sight, seen: number): boolean {
  // The resolution of timestamps: whole seconds, or the kernel's tick of a few milliseconds.
  const tick = mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0 ? 2000 : 50
  return Math.max(ctimeMs, mtimeMs <= seen ? mtimeMs : 0) + tick <= seen
}
