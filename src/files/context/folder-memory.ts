import { createHash } from 'node:crypto'
import { encodeName } from '../../support/index.ts'
import { FolderRows, isLike, RowWriter, type Sight } from './memory-rows.ts'

type Digest = `sha256:${string}`

/** What is known about the files of one folder: rows of an earlier build, and files that are new or changed. */
export class FolderMemory {
  private readonly earlier: FolderRows
  /** For each file seen: its row in `earlier` plus 1; 0 for a new or changed file. */
  private readonly places: Uint32Array
  private count = 0
  /** Rows of `earlier` that belong to unchanged files. */
  private kept = 0
  // Files usually come in the same order as before.
  private next = 0
  private byName: ReadonlyMap<string, number> | undefined
  private fresh: FreshFiles | undefined
  private isComplete = true
  private learnt: string | undefined

  constructor(earlier: FolderRows = FolderRows.none, files: number) {
    this.earlier = earlier
    this.places = new Uint32Array(files)
  }

  /** Records the stat of a file at `seen`, in milliseconds since 1970. Returns the file's number. */
  see(name: string, sight: Sight, seen: number): number {
    const number = this.count++
    const row = this.find(name)
    if (row !== undefined && this.earlier.isLike(row, sight)) {
      this.places[number] = row + 1
      this.kept++
    } else {
      this.fresh ??= new FreshFiles(this.places.length)
      this.fresh.add(number, name, sight, seen)
    }
    return number
  }

  /** Whether the file that is expected next is this one, and looks as it did. */
  isAsSeen(name: string, sight: Sight): boolean {
    const { earlier, next } = this
    return next < earlier.count && earlier.names[next] === name && earlier.isLike(next, sight)
  }

  /** Records that the folder has something else than what can be seen here: all its files do not tell its listing. */
  seeOther(): void {
    this.isComplete = false
  }

  /** Whether all files seen so far are as they were. */
  isAsBefore(): boolean {
    return this.isComplete && this.fresh === undefined
  }

  /** The digest that was learnt of all files of this folder together: now, or before if all are as they were. */
  get listing(): string | undefined {
    if (!this.isComplete) return undefined
    return this.learnt ?? (this.isWhole() ? this.earlier.listing : undefined)
  }

  /** Whether `listing` may turn out to be known. */
  mayBeListed(): boolean {
    return this.earlier.listing !== undefined
  }

  learnListing(listing: string): void {
    this.learnt = listing
  }

  /** Returns the name and the stat of an unchanged file. */
  remembered(number: number): { readonly name: string; readonly sight: Sight } {
    const row = this.places[number]! - 1
    return { name: this.earlier.names[row]!, sight: this.earlier.sight(row) }
  }

  get files(): number {
    return this.count
  }

  /** Whether a look at each file finds it as it was seen: `look` is given the name, and what tells whether a stat is the same. */
  areAsSeen(look: (name: string, isLike: (sight: Sight) => boolean) => boolean): boolean {
    const { earlier, fresh } = this
    for (let number = 0; number < this.count; number++) {
      const row = this.places[number]! - 1
      const isAsSeen =
        row < 0
          ? look(fresh!.name(number), (sight) => fresh!.isLike(number, sight))
          : look(earlier.names[row]!, (sight) => earlier.isLike(row, sight))
      if (!isAsSeen) return false
    }
    return true
  }

  /** A digest of the names and times of all files seen, in the order of the folder; undefined if it has something else. */
  get times(): string | undefined {
    if (!this.isComplete) return undefined
    const names: string[] = []
    const times = new Float64Array(this.count)
    for (let number = 0; number < this.count; number++) {
      const row = this.places[number]! - 1
      names.push(row < 0 ? this.fresh!.name(number) : this.earlier.names[row]!)
      times[number] = row < 0 ? this.fresh!.time(number) : this.earlier.time(row)
    }
    return createHash('sha256')
      .update(encodeName(names.join('\0')))
      .update('\0')
      .update(times)
      .digest('hex')
  }

  digestOf(number: number): Digest | undefined {
    const place = this.places[number]!
    const hex = place > 0 ? this.earlier.digest(place - 1) : this.fresh?.digestOf(number)
    return hex === undefined ? undefined : `sha256:${hex}`
  }

  learn(number: number, digest: Digest): void {
    if (this.places[number] === 0) this.fresh?.learn(number, digest.slice('sha256:'.length))
  }

  /** Whether the rows differ from those of the earlier build. */
  isNew(): boolean {
    const { earlier, fresh } = this
    return this.kept < earlier.count || fresh?.hasRows() === true || this.listingToKeep() !== earlier.listing
  }

  /** Returns the rows to save. */
  rows(): FolderRows {
    if (!this.isNew()) return this.earlier
    const rows = new RowWriter()
    for (let number = 0; number < this.count; number++) {
      const place = this.places[number]!
      if (place > 0) this.earlier.copyTo(rows, place - 1)
      else this.fresh?.copyTo(rows, number)
    }
    return rows.done(this.listingToKeep())
  }

  private listingToKeep(): string | undefined {
    return this.count === 0 || this.fresh?.hasOnlyRows() === false ? undefined : this.listing
  }

  private isWhole(): boolean {
    return this.fresh === undefined && this.kept === this.earlier.count
  }

  private find(name: string): number | undefined {
    const { earlier } = this
    if (earlier.count === 0) return undefined
    if (earlier.names[this.next] === name) return this.next++
    this.byName ??= new Map(earlier.names.map((known, row) => [known, row]))
    const row = this.byName.get(name)
    if (row !== undefined) this.next = row + 1
    return row
  }
}

const facts = 5
const timeAt = 1

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
    const { size, mtimeMs, ctimeMs, ino, mode } = sight
    this.names[number] = name
    this.facts.set([size, mtimeMs, ctimeMs, ino, mode], number * facts)
    this.trusted[number] = isSettled(sight, seen) ? 1 : 0
    if (!hasContent(sight)) this.known[number] = 1
  }

  name(number: number): string {
    return this.names[number]!
  }

  isLike(number: number, sight: Sight): boolean {
    return isLike(this.facts, number * facts, sight)
  }

  /** When the file was modified, in milliseconds since 1970. */
  time(number: number): number {
    return this.facts[number * facts + timeAt]!
  }

  learn(number: number, hex: string): void {
    this.digests.write(hex, number * 32, 'hex')
    this.known[number] = 1
  }

  digestOf(number: number): string | undefined {
    return this.known[number] === 1 ? this.digests.toString('hex', number * 32, number * 32 + 32) : undefined
  }

  hasRows(): boolean {
    return this.names.some((_, number) => this.isRow(number))
  }

  /** Whether all of them are kept. */
  hasOnlyRows(): boolean {
    return this.names.every((_, number) => this.isRow(number))
  }

  copyTo(rows: RowWriter, number: number): void {
    if (!this.isRow(number)) return
    const at = number * facts
    const digest = this.digests.subarray(number * 32, number * 32 + 32)
    rows.add(this.names[number]!, this.facts.subarray(at, at + facts), digest)
  }

  private isRow(number: number): boolean {
    return this.known[number] === 1 && this.trusted[number] === 1
  }
}

/** Whether the file has bytes to be read: its type is that of a regular file, and it is not empty. */
function hasContent({ mode, size }: Sight): boolean {
  return (mode & 0o170000) === 0o100000 && size > 0
}

/** Whether the file changed long enough before it was seen that a later change would be noticed. */
function isSettled({ mtimeMs, ctimeMs }: Sight, seen: number): boolean {
  // The resolution of timestamps: whole seconds, or the kernel's tick of a few milliseconds.
  const tick = mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0 ? 2000 : 50
  return Math.max(ctimeMs, mtimeMs <= seen ? mtimeMs : 0) + tick <= seen
}
