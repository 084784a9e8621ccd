import { ContentReader } from '../../files/layer/index.ts'
import type { Node, RegularFile, Tree } from '../../files/tree/index.ts'
import { findNode } from '../find-node.ts'
import { type Elf, readElf } from './elf.ts'

// Programs have their strings before this offset.
const searched = 512 << 20

/** An image's filesystem as a process in a container would see it. Must be closed. */
export class Filesystem {
  readonly tree: Tree
  private readonly reader = new ContentReader()
  private readonly elves = new Map<RegularFile, Elf | undefined>()

  constructor(tree: Tree) {
    this.tree = tree
  }

  /** Returns the node at the path, following links; undefined also if they form a cycle. */
  find(path: string): Node | undefined {
    return findNode(this.tree, path)
  }

  file(path: string): RegularFile | undefined {
    const node = this.find(path)
    return node?.kind === 'file' ? node : undefined
  }

  /** Returns the path with links resolved. */
  real(path: string): string {
    return this.tree.resolve(path)
  }

  /** Returns bytes of a file, fewer at its end. */
  bytes(file: RegularFile, position: number, length: number): Buffer {
    if (!(position >= 0 && position < file.size)) return Buffer.alloc(0)
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.size - position)))
    this.reader.read(file.content, bytes, position)
    return bytes
  }

  /** Returns the text of a small file; undefined if it does not exist or exceeds `limit` bytes. */
  text(path: string, limit = 4 << 20): string | undefined {
    const file = this.file(path)
    return file === undefined || file.size > limit ? undefined : this.bytes(file, 0, file.size).toString('utf8')
  }

  elf(file: RegularFile): Elf | undefined {
    if (!this.elves.has(file))
      this.elves.set(
        file,
        readElf((position, length) => this.bytes(file, position, length)),
      )
    return this.elves.get(file)
  }

  /** Whether a file matches the pattern, which matches at most 64 bytes; a byte is a character. */
  contains(file: RegularFile, pattern: RegExp): boolean {
    const step = 4 << 20
    for (let at = 0; at < Math.min(file.size, searched); at += step)
      if (pattern.test(this.bytes(file, at, step + 64).toString('latin1'))) return true
    return false
  }

  close(): void {
    this.reader.close()
  }
}
