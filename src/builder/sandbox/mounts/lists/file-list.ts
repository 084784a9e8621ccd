import { ContentReader, digestOf } from '../../../../files/layer/index.ts'
import { type Directory, type Node, sortedNames, subdirectories } from '../../../../files/tree/index.ts'
import { encodeName, sortNames } from '../../../../support/index.ts'
import { type Block, headLength, letters, magic } from './list-format.ts'

/**
 * Returns a list of everything in the directory: names, metadata with exact times, digests of contents. Reads files whose digest is unknown.
 * `known`: files of directories in other lists, by what these have in common; they are taken over.
 */
export function listFiles(root: Directory, known: ReadonlyMap<string, Block> = new Map()): Buffer {
  return new Lister(known).list(root)
}

class Lister {
  private readonly known: ReadonlyMap<string, Block>
  private readonly reader = new ContentReader()
  private readonly firsts = new Map<Node, number>()
  private bytes = Buffer.allocUnsafeSlow(1 << 16)
  private end = 0
  private count = 0
  private hasLinks = false

  constructor(known: ReadonlyMap<string, Block>) {
    this.known = known
  }

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
    this.files(directory)
    const directories = subdirectories(directory)
    for (const name of sortNames([...directories.keys()])) {
      const child = directories.get(name)!
      this.record(letters.directory, name, commonOf(child))
      this.count += 1
      this.below(child)
    }
    this.record(letters.up, '', '')
  }

  /** Lists everything in the directory that is none itself. */
  private files(directory: Directory): void {
    const key = keyOf(directory)
    const block = key === '' ? undefined : this.known.get(key)
    const at = this.record(letters.files, '', `${' '.repeat(8)}${key}`) + headLength
    const [start, before] = [this.end, this.count]
    if (block === undefined) {
      const { children } = directory
      for (const name of sortedNames(directory)) {
        const node = children.get(name)!
        if (node.kind === 'directory') continue
        this.record(letters[node.kind], name, this.factsOf(node))
        this.count += 1
      }
    } else {
      this.reserve(block.bytes.length)
      block.bytes.copy(this.bytes, this.end)
      this.end += block.bytes.length
      this.count += block.count
    }
    this.bytes.writeUInt32LE(this.end - start, at)
    this.bytes.writeUInt32LE(this.count - before, at + 4)
  }

  /** Returns where the record begins. */
  private record(letter: number, name: string, facts: string): number {
    this.reserve(headLength + 3 * (name.length + facts.length))
    const start = this.end
    const middle = start + headLength + this.write(name, start + headLength)
    const end = middle + this.write(facts, middle)
    this.bytes.writeUInt32LE(end - start, start)
    this.bytes.writeUInt32LE(middle - start - headLength, start + 4)
    this.bytes[start + 8] = letter
    this.end = end
    return start
  }

  private reserve(length: number): void {
    if (this.end + length <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(2 * this.bytes.length + length)
    this.bytes.copy(grown, 0, 0, this.end)
    this.bytes = grown
  }

  private write(text: string, at: number): number {
    // A surrogate may stand for a byte that is no UTF-8.
    return /[\ud800-\udfff]/.test(text) ? encodeName(text).copy(this.bytes, at) : this.bytes.write(text, at)
  }

  /** Size and digest of a file come first: without the rest, they are what files must share that differ only in mode or time. */
  private factsOf(node: Exclude<Node, Directory>): string {
    const first = this.firsts.get(node)
    if (first !== undefined) {
      this.hasLinks = true
      return `same ${first}`
    }
    this.firsts.set(node, this.count)
    const { xattrs } = node
    const common = commonOf(node)
    const all =
      xattrs === undefined
        ? common
        : `${common} ${JSON.stringify([...xattrs].map(([name, value]) => [name, [...value]]))}`
    if (node.kind === 'file') return `${node.size} ${digestOf(node, this.reader)} ${all}`
    if (node.kind === 'symlink') return `${all} ${node.target}`
    return node.kind === 'fifo' ? all : `${all} ${node.major}:${node.minor}`
  }
}

function commonOf({ uid, gid, mode, mtime, mtimeNs }: Node): string {
  return `${uid} ${gid} ${mode} ${mtime} ${mtimeNs}`
}

/** Returns what is the same for the same files of a directory; '' if it is not known without looking at them. */
function keyOf({ outline }: Directory): string {
  const { listing, times } = outline ?? {}
  return listing === undefined || times === undefined ? '' : `${listing} ${times}`
}
