import { decodeName } from '../../../../support/index.ts'

// A list: a line that tells the number of entries, then records: of the files in a directory, then of each directory in it, followed by
// what that one has, and a record without a name. A record: its length and that of the name, as numbers of four bytes; a letter; the
// name; everything else, as text. Before the files of a directory comes a record that tells how many bytes and files follow, and what
// is the same for the same files. So lists of the same files are the same bytes, others are compared without an object for each
// file, and files of a directory that is as it was are neither compared nor described again.

export const magic = 'tare files 2'
export const headLength = 9
export const letters = {
  ...{ files: 0x6b, directory: 0x64, up: 0x75 },
  ...{ file: 0x66, symlink: 0x6c, char: 0x63, block: 0x62, fifo: 0x70 },
} as const

export interface ListedFiles {
  readonly count: number
  /** Whether some files have several names. */
  readonly hasLinks: boolean
  readonly bytes: Buffer
  /** Where the records begin. */
  readonly start: number
}

/** The files of a directory. */
export interface Block {
  readonly bytes: Buffer
  readonly count: number
}

/** Returns undefined if it is no list. */
export function readList(bytes: Buffer): ListedFiles | undefined {
  const line = bytes.subarray(0, Math.min(bytes.length, 100)).toString('latin1').split('\n', 1)[0]!
  const [, count, links] = /^tare files 2 (\d+)( links)?$/.exec(line) ?? []
  if (count === undefined) return undefined
  return { count: Number(count), hasLinks: links !== undefined, bytes, start: line.length + 1 }
}

/** Adds the files of each directory, by what is the same for the same files. Throws an Error for a damaged list. */
export function addBlocks(list: ListedFiles, to: Map<string, Block>): void {
  const cursor = new Cursor(list)
  while (!cursor.isAtEnd) {
    const { filesKey, block } = cursor
    if (filesKey !== '') to.set(filesKey, block)
    if (cursor.letter === letters.files) cursor.skipFiles()
    else cursor.next()
  }
}

/** A place in a list. */
export class Cursor {
  private readonly bytes: Buffer
  private at: number
  private end = 0
  private nameEnd = 0

  constructor({ bytes, start }: ListedFiles) {
    this.bytes = bytes
    this.at = start
    this.look()
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length
  }

  get letter(): number {
    return this.bytes[this.at + 8]!
  }

  get name(): string {
    const name = decodeName(this.bytes.subarray(this.at + headLength, this.nameEnd))
    if (name === '' || name === '.' || name === '..' || name.includes('/')) throw damaged()
    return name
  }

  /** What is the same for the same files; '' if that is not known, or no files follow. */
  get filesKey(): string {
    return this.letter === letters.files ? this.bytes.toString('latin1', this.nameEnd + 8, this.end) : ''
  }

  /** The files that follow. */
  get block(): Block {
    const [length, count] = this.lengths
    return { bytes: this.bytes.subarray(this.end, this.end + length), count }
  }

  /** Goes to what comes after the files that follow. */
  skipFiles(): void {
    this.end += this.lengths[0]
    this.next()
  }

  /** The path of the entry, with a `/` after a directory's. */
  pathIn(path: readonly string[]): string {
    return `${[...path, this.name].join('/')}${this.letter === letters.directory ? '/' : ''}`
  }

  /** Files come before directories, and the end of a directory after all names in it. */
  compareName(other: Cursor): number {
    const [mine, its] = [rankOf(this.letter), rankOf(other.letter)]
    if (mine !== its || mine === rankOf(letters.up)) return mine - its
    return this.bytes.compare(other.bytes, other.at + headLength, other.nameEnd, this.at + headLength, this.nameEnd)
  }

  equals(other: Cursor): boolean {
    return (
      this.end - this.at === other.end - other.at &&
      this.bytes.compare(other.bytes, other.at, other.end, this.at, this.end) === 0
    )
  }

  /** Whether two files have the same content and owner, and times that can be set in seconds. */
  differsOnlyInMetadata(other: Cursor): boolean {
    const [mine, its] = [this.facts, other.facts]
    return mine.length === 7 && its.length === 7 && its[6] === '0' && mine.slice(0, 4).join() === its.slice(0, 4).join()
  }

  private get facts(): string[] {
    return this.bytes.toString('latin1', this.nameEnd, this.end).split(' ')
  }

  private get lengths(): readonly [bytes: number, count: number] {
    if (this.letter !== letters.files) return [0, 0]
    if (this.nameEnd + 8 > this.end) throw damaged()
    const length = this.bytes.readUInt32LE(this.nameEnd)
    if (this.end + length > this.bytes.length) throw damaged()
    return [length, this.bytes.readUInt32LE(this.nameEnd + 4)]
  }

  next(): void {
    if (this.isAtEnd) throw damaged()
    this.at = this.end
    this.look()
  }

  /** Goes to what comes after the entry, and everything in it. */
  skip(): void {
    let depth = 0
    do {
      if (this.letter === letters.directory) depth += 1
      else if (this.letter === letters.up) depth -= 1
      this.next()
    } while (depth > 0)
  }

  private look(): void {
    if (this.isAtEnd) return
    if (this.at + headLength > this.bytes.length) throw damaged()
    this.end = this.at + this.bytes.readUInt32LE(this.at)
    this.nameEnd = this.at + headLength + this.bytes.readUInt32LE(this.at + 4)
    if (this.nameEnd > this.end || this.end > this.bytes.length) throw damaged()
  }
}

function rankOf(letter: number): number {
  if (letter === letters.files) return 0
  if (letter === letters.directory) return 2
  return letter === letters.up ? 3 : 1
}

function damaged(): Error {
  return new Error('the list is damaged')
}
