import { decodeName, encodeName } from '../../support/index.ts'

/** The part of a file's stat that changes whenever the file does. Times in milliseconds since 1970. */
export interface Sight {
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
  /** With the type. */
  readonly mode: number
}

// Per file: size, mtimeMs, ctimeMs, ino, mode; then sha256; and the names, with zero bytes between them.
const facts = 5
const factsSize = facts * 8
const digestSize = 32
// Length of the path, length of the names, number of files, whether the listing is known; the listing.
const headSize = 16
const listingSize = 32

/** The rows of a folder as they are on disk: columns, of which most are only compared. */
export class FolderRows {
  static readonly none = new FolderRows(new Float64Array(0), Buffer.alloc(0), Buffer.alloc(0), undefined)

  readonly count: number
  /** Digest of all the rows say, by the rules of whoever has computed it. */
  readonly listing: string | undefined
  private readonly facts: Float64Array
  private readonly digests: Buffer
  private readonly nameBytes: Buffer
  private decoded: readonly string[] | undefined

  constructor(columns: Float64Array, digests: Buffer, names: Buffer, listing: string | undefined) {
    this.count = columns.length / facts
    this.facts = columns
    this.digests = digests
    this.nameBytes = names
    this.listing = listing
  }

  /** None if they are damaged. */
  get names(): readonly string[] {
    if (this.decoded === undefined) {
      const names = decodeName(this.nameBytes).split('\0')
      this.decoded = names.length === this.count ? names : []
    }
    return this.decoded
  }

  isLike(row: number, sight: Sight): boolean {
    return isLike(this.facts, row * facts, sight)
  }

  sight(row: number): Sight {
    const [size, mtimeMs, ctimeMs, ino, mode] = this.facts.subarray(row * facts, (row + 1) * facts)
    return { size: size!, mtimeMs: mtimeMs!, ctimeMs: ctimeMs!, ino: ino!, mode: mode! }
  }

  /** When the row's file was modified, in milliseconds since 1970. */
  time(row: number): number {
    return this.facts[row * facts + 1]!
  }

  /** The row's SHA-256 in hexadecimal. */
  digest(row: number): string {
    return this.digests.toString('hex', row * digestSize, (row + 1) * digestSize)
  }

  /** Adds a row to those that are written. */
  copyTo(rows: RowWriter, row: number): void {
    const digest = this.digests.subarray(row * digestSize, (row + 1) * digestSize)
    rows.add(this.names[row]!, this.facts.subarray(row * facts, (row + 1) * facts), digest)
  }

  /** Returns the folder's section of the memory. */
  encode(path: string): Buffer {
    const name = encodeName(path)
    const head = Buffer.alloc(headSize + listingSize)
    const { facts: all, digests, nameBytes, listing } = this
    for (const [i, value] of [name.length, nameBytes.length, this.count, listing === undefined ? 0 : 1].entries())
      head.writeUInt32LE(value, i * 4)
    head.write(listing ?? '', headSize, 'hex')
    const columns = Buffer.from(all.buffer, all.byteOffset, all.byteLength)
    return Buffer.concat([head, name, paddingOf(name.length), columns, digests, nameBytes, paddingOf(nameBytes.length)])
  }
}

/** Whether the facts at a place in columns are those of the stat. */
export function isLike(all: Float64Array, at: number, { size, mtimeMs, ctimeMs, ino, mode }: Sight): boolean {
  return (
    all[at + 2] === ctimeMs &&
    all[at + 1] === mtimeMs &&
    all[at] === size &&
    all[at + 3] === ino &&
    all[at + 4] === mode
  )
}

/** Collects rows. */
export class RowWriter {
  private readonly facts: number[] = []
  private readonly digests: Uint8Array[] = []
  private readonly names: string[] = []

  add(name: string, sight: ArrayLike<number>, digest: Uint8Array): void {
    for (let i = 0; i < facts; i++) this.facts.push(sight[i]!)
    this.digests.push(digest)
    this.names.push(name)
  }

  done(listing: string | undefined): FolderRows {
    const names = encodeName(this.names.join('\0'))
    return new FolderRows(Float64Array.from(this.facts), Buffer.concat(this.digests), names, listing)
  }
}

/** Reads sections one after the other. Returns undefined if the bytes are not whole sections. */
export function readSections(bytes: Buffer): ReadonlyMap<string, FolderRows> | undefined {
  const folders = new Map<string, FolderRows>()
  for (let at = 0; at < bytes.length; ) {
    if (at + headSize + listingSize > bytes.length) return undefined
    const [pathLength, namesLength, count, isListed] = [0, 4, 8, 12].map((place) => bytes.readUInt32LE(at + place))
    const path = at + headSize + listingSize
    const columns = padded(path + pathLength!)
    const digests = columns + count! * factsSize
    const names = digests + count! * digestSize
    const end = padded(names + namesLength!)
    if (end > bytes.length) return undefined
    const rows = new FolderRows(
      doublesIn(bytes, columns, count! * facts),
      bytes.subarray(digests, names),
      bytes.subarray(names, names + namesLength!),
      isListed === 1 ? bytes.toString('hex', at + headSize, path) : undefined,
    )
    folders.set(decodeName(bytes.subarray(path, path + pathLength!)), rows)
    at = end
  }
  return folders
}

function doublesIn(bytes: Buffer, from: number, count: number): Float64Array {
  const at = bytes.byteOffset + from
  if (at % 8 === 0) return new Float64Array(bytes.buffer, at, count)
  return new Float64Array(new Uint8Array(bytes.subarray(from, from + count * 8)).buffer)
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8
}

function paddingOf(length: number): Buffer {
  return Buffer.alloc(padded(length) - length)
}
