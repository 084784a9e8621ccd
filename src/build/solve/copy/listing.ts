import { createHash, type Hash } from 'node:crypto'
import { ContentReader, digestOf } from '../../../files/layer/index.ts'
import { type Node, sortedNames } from '../../../files/tree/index.ts'
import type { Excluder } from './copy-into.ts'

/** A part of a step's input: a node, and the path it is copied under. */
export interface Listed {
  readonly path: string
  readonly node: Node
}

/**
 * A digest of everything about the nodes that a copy of them depends on: names, modes, owners, links and contents, but no
 * times. Files whose content is not known yet are read.
 */
export function digestListing(listed: readonly Listed[], exclude: Excluder | undefined): string {
  const lister = new Lister(exclude)
  for (const { path, node } of listed) lister.add(path, node, '')
  return lister.done()
}

class Lister {
  private readonly exclude: Excluder | undefined
  private readonly hash: Hash = createHash('sha256')
  private readonly reader = new ContentReader()
  private readonly first = new Map<Node, number>()
  private text = ''
  private count = 0

  constructor(exclude: Excluder | undefined) {
    this.exclude = exclude
  }

  /** `inner` is the path below the source's root, which exclusions speak of. */
  add(path: string, node: Node, inner: string): void {
    this.text += `${path}\0${node.kind}\0${node.mode} ${node.uid} ${node.gid}\0${this.rest(node)}\0`
    if (this.text.length > 1 << 16) this.flush()
    if (node.kind !== 'directory') return
    for (const name of sortedNames(node)) {
      const child = node.children.get(name)!
      const below = inner === '' ? name : `${inner}/${name}`
      if (this.exclude?.ignored(below) === true && !(child.kind === 'directory' && this.exclude.mayReinclude(below)))
        continue
      this.add(`${path}/${name}`, child, below)
    }
  }

  done(): string {
    this.reader.close()
    this.flush()
    return this.hash.digest('hex')
  }

  /** What else the node's copy depends on; nothing in it can be taken for the beginning of another node. */
  private rest(node: Node): string {
    const xattrs =
      node.xattrs === undefined
        ? ''
        : JSON.stringify([...node.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]))
    if (node.kind === 'directory') return xattrs
    const first = this.first.get(node)
    if (first !== undefined) return `same ${first}`
    this.first.set(node, this.count++)
    if (node.kind === 'file') return `${node.size} ${digestOf(node, this.reader)} ${xattrs}`
    if (node.kind === 'symlink') return JSON.stringify(node.target)
    return node.kind === 'fifo' ? '' : `${node.major} ${node.minor}`
  }

  private flush(): void {
    this.hash.update(this.text)
    this.text = ''
  }
}
