import { ContentReader, digestOf } from '../../../files/layer/index.ts'
import { type Directory, type Node, sortedNames } from '../../../files/tree/index.ts'
import { decodeName, encodeName } from '../../../support/index.ts'

// A list: a line that tells the number of entries, then a record for each, in the order of a walk. A record: its length and that of the
// name, as numbers of four bytes; a letter; the name; everything else, as text. After what is in a directory comes a record without a
// name. So lists of the same files are the same bytes, and others are compared without an object for each file.

const magic = 'tare files 1'
const headLength = 9
const [up, directoryLetter, fileLetter] = [0x75, 0x64, 0x66]
const letters = { file: 'f', directory: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p' } as const

/** Returns a list of everything in the directory: names, metadata with exact times, digests of contents. Reads files whose digest is unknown. */
export function listFiles(root: Directory): Buffer {
  return new Lister().list(root)
}

class Lister {
  private readonly reader = new ContentReader()
  private readonly firsts = new Map<Node, number>()
  private bytes = Buffer.allocUnsafeSlow(1 << 16)
  private end = 0
  private count = 0
  private hasLinks = false

  list(root: Directory): Buffer {
    try {
      this.below(root)
    } finally {
      this.reader.close()
    }
    const head = `${magic} ${this.count}${this.hasLinks ? ' links' : ''}\n`
    return Buffer.concat([Buffer.from(head), this.bytes.subarray(0, this.end)])
  }

  private below(directory: Directory): void {
    for (const name of sortedNames(directory)) {
      const node = directory.children.get(name)!
      this.record(letters[node.kind].charCodeAt(0), name, this.factsOf(node))
      this.count += 1
      if (node.kind === 'directory') this.below(node)
    }
    this.record(up, '', '')
  }

  private record(letter: number, name: string, facts: string): void {
    const most = headLength + 3 * (name.length + facts.length)
    if (this.end + most > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(2 * this.bytes.length + most)
      this.bytes.copy(grown, 0, 0, this.end)
      this.bytes = grown
    }
    const start = this.end + headLength
    const middle = start + this.write(name, start)
    const end = middle + this.write(facts, middle)
    this.bytes.writeUInt32LE(end - this.end, this.end)
    this.bytes.writeUInt32LE(middle - start, this.end + 4)
    this.bytes[this.end + 8] = letter
    this.end = end
  }

  private write(text: string, at: number): number {
    // A surrogate may stand for a byte that is no UTF-8.
    return /[\ud800-\udfff]/.test(text) ? encodeName(text).copy(this.bytes, at) : this.bytes.write(text, at)
  }

  /** Size and digest of a file come first: without the rest, they are what files must share that differ only in mode or time. */
  private factsOf(node: Node): string {
    const { mode, uid, gid, mtime, mtimeNs, xattrs } = node
    const common = `${uid} ${gid} ${mode} ${mtime} ${mtimeNs}`
    if (node.kind === 'directory') return common
    const first = this.firsts.get(node)
    if (first !== undefined) {
      this.hasLinks = true
      return `same ${first}`
    }
    this.firsts.set(node, this.count)
    const all =
      xattrs === undefined
        ? common
        : `${common} ${JSON.stringify([...xattrs].map(([name, value]) => [name, [...value]]))}`
    if (node.kind === 'file') return `${node.size} ${digestOf(node, this.reader)} ${all}`
    if (node.kind === 'symlink') return `${all} ${node.target}`
    return node.kind === 'fifo' ? all : `${all} ${node.major}:${node.minor}`
  }
}

export interface ListedFiles {
  readonly count: number
  /** Whether some files have several names. */
  readonly hasLinks: boolean
  readonly bytes: Buffer
  /** Where the records begin. */
  readonly start: number
}

/** Returns undefined if it is no list. */
export function readList(bytes: Buffer): ListedFiles | undefined {
  const line = bytes.subarray(0, Math.min(bytes.length, 100)).toString('latin1').split('\n', 1)[0]!
  const [, count, links] = /^tare files 1 (\d+)( links)?$/.exec(line) ?? []
  if (count === undefined) return undefined
  return { count: Number(count), hasLinks: links !== undefined, bytes, start: line.length + 1 }
}

/** What differs between two lists. */
export interface ListChanges {
  /** Files of which only the mode or the time differs, in whole seconds. */
  readonly metadata: readonly string[]
  /** The others, as `Touched`. */
  readonly touched: readonly string[]
}

/** Compares lists; returns undefined if more than `most` entries differ. Throws an Error for a damaged list. */
export function compareLists(before: ListedFiles, after: ListedFiles, most: number): ListChanges | undefined {
  const [a, b] = [new Cursor(before), new Cursor(after)]
  const metadata: string[] = []
  const touched: string[] = []
  const path: string[] = []
  const tell = (cursor: Cursor) => touched.push(cursor.pathIn(path))
  while (touched.length <= most && !(a.isAtEnd && b.isAtEnd)) {
    const order = a.compareName(b)
    if (order < 0) {
      tell(a)
      a.skip()
    } else if (order > 0) {
      tell(b)
      b.skip()
    } else if (a.letter !== b.letter) {
      tell(b)
      a.skip()
      b.skip()
    } else {
      if (!a.equals(b)) {
        if (a.letter === fileLetter && a.differsOnlyInMetadata(b)) metadata.push(b.pathIn(path))
        else tell(b)
      }
      if (a.letter === directoryLetter) path.push(a.name)
      else if (a.letter === up) path.pop()
      a.next()
      b.next()
    }
  }
  return touched.length > most ? undefined : { metadata, touched }
}

class Cursor {
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

  /** The path of the entry, with a `/` after a directory's. */
  pathIn(path: readonly string[]): string {
    return `${[...path, this.name].join('/')}${this.letter === directoryLetter ? '/' : ''}`
  }

  /** The end of a directory comes after all names in it. */
  compareName(other: Cursor): number {
    if (this.letter === up || other.letter === up) return Number(this.letter === up) - Number(other.letter === up)
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

  next(): void {
    if (this.isAtEnd) throw damaged()
    this.at = this.end
    this.look()
  }

  /** Goes to what comes after the entry, and everything in it. */
  skip(): void {
    let depth = 0
    do {
      if (this.letter === directoryLetter) depth += 1
      else if (this.letter === up) depth -= 1
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

function damaged(): Error {
  return new Error('the list is damaged')
}
