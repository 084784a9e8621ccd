import { createHash, type Hash } from 'node:crypto'
import { ContentReader, digestOf } from '../../../files/layer/index.ts'
import type { Directory, Node } from '../../../files/tree/index.ts'
import { type Selection, type SelectionVisitor, walkSelection } from './selection.ts'

/**
 * Digests everything about the selections that a copy depends on: names, modes, owners, links and contents, but no times, and no
 * metadata of a selected directory itself. Reads files whose content is not known yet. `path` is prepended to the names. Yields
 * regularly, and returns the digest.
 */
export function* digestSelections(
  selections: readonly (Selection & { readonly path: string })[],
): Generator<void, string> {
  const lister = new Lister()
  for (const { path, node, ...filters } of selections) {
    lister.begin(path, node.kind)
    if (node.kind === 'directory') yield* walkSelection(node, filters, lister)
    else lister.leaf('', node)
    yield
  }
  return lister.done()
}

export interface NodeDigests {
  /** Of the node and everything below it, by the same rules. */
  readonly digest: string
  /** The same with times, in whole seconds. */
  readonly dated: string
}

const digests = new WeakMap<Node, NodeDigests>()

/** Returns the node's digests, computed once. */
export function digestNode(node: Node): NodeDigests {
  let known = digests.get(node)
  if (known === undefined) {
    const lister = new Lister()
    if (node.kind !== 'directory') lister.leaf('', node)
    else {
      lister.enter('', node, true)
      for (const _ of walkSelection(node, {}, lister));
    }
    const digest = lister.done()
    known = { digest, dated: `${digest}-${lister.times()}` }
    digests.set(node, known)
  }
  return known
}

class Lister implements SelectionVisitor {
  private readonly hash: Hash = createHash('sha256')
  private readonly reader = new ContentReader()
  private readonly first = new Map<Node, number>()
  private readonly prefixes: string[] = ['']
  private text = ''
  private readonly seconds: number[] = []
  private count = 0

  begin(path: string, kind: Node['kind']): void {
    this.text += `${path}\0${kind}\0`
  }

  enter(name: string, directory: Directory, picked: boolean): void {
    const path = `${this.prefixes.at(-1)}${name}`
    this.line(path, directory, picked ? '' : 'along')
    this.prefixes.push(`${path}/`)
  }

  leave(): void {
    this.prefixes.pop()
  }

  leaf(name: string, node: Exclude<Node, Directory>): void {
    this.line(`${this.prefixes.at(-1)}${name}`, node, this.rest(node))
  }

  done(): string {
    this.reader.close()
    this.flush()
    return this.hash.digest('hex')
  }

  /** Returns a digest of the times of everything listed. */
  times(): string {
    return createHash('sha256').update(Float64Array.from(this.seconds)).digest('hex')
  }

  private line(path: string, node: Node, rest: string): void {
    const { kind, mode, uid, gid, xattrs, mtime } = node
    this.seconds.push(mtime)
    const attributes =
      xattrs === undefined
        ? ''
        : JSON.stringify([...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]))
    this.text += `${path}\0${kind}\0${mode} ${uid} ${gid}\0${rest}\0${attributes}\0`
    if (this.text.length > 1 << 16) this.flush()
  }

  /** Returns what else the node's copy depends on; cannot be confused with the beginning of another node. */
  private rest(node: Exclude<Node, Directory>): string {
    const first = this.first.get(node)
    if (first !== undefined) return `same ${first}`
    this.first.set(node, this.count++)
    if (node.kind === 'file') return `${node.size} ${digestOf(node, this.reader)}`
    if (node.kind === 'symlink') return JSON.stringify(node.target)
    return node.kind === 'fifo' ? '' : `${node.major} ${node.minor}`
  }

  private flush(): void {
    this.hash.update(this.text)
    this.text = ''
  }
}
