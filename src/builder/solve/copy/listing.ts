import { createHash } from 'node:crypto'
import { ContentReader } from '../../../files/layer/index.ts'
import { type Directory, type Node, subdirectories } from '../../../files/tree/index.ts'
import { Sha256, sortNames } from '../../../support/index.ts'
import { DirectoryDigests, metadataText } from './directory-digests.ts'
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
    if (node.kind !== 'directory') lister.leaf('', node)
    else if (filters.include !== undefined || filters.exclude !== undefined) yield* walkSelection(node, filters, lister)
    else yield* lister.whole(node)
    yield
  }
  return lister.done()
}

const digests = new WeakMap<Node, string>()

/** Returns a digest of the node and everything below it, by the same rules. Computed once. */
export function digestNode(node: Node): string {
  let known = digests.get(node)
  if (known === undefined) {
    const lister = new Lister()
    lister.begin('', node.kind)
    if (node.kind !== 'directory') lister.leaf('', node)
    else {
      lister.enter('', node, true)
      for (const _ of lister.whole(node));
    }
    known = lister.done()
    digests.set(node, known)
  }
  return known
}

const digestsWithTimes = new WeakMap<Node, string>()

/** Returns a digest of the node and everything below it with times. Computed once. */
export function digestWithTimes(node: Node): string {
  let known = digestsWithTimes.get(node)
  if (known === undefined) {
    known = `${digestNode(node)}-${digestOfTimes(node)}`
    digestsWithTimes.set(node, known)
  }
  return known
}

function digestOfTimes(node: Node): string {
  const hash = createHash('sha256')
  const add = (...times: readonly number[]) => hash.update(Float64Array.from(times))
  add(node.mtime, node.mtimeNs)
  const below = (directory: Directory) => {
    const { outline } = directory
    const directories = subdirectories(directory)
    hash.update(outline?.times ?? leafTimes(directory))
    add(directories.size)
    for (const name of sortNames([...directories.keys()])) {
      const child = directories.get(name)!
      add(child.mtime, child.mtimeNs)
      below(child)
    }
  }
  if (node.kind === 'directory') below(node)
  return hash.digest('hex')
}

function leafTimes({ children }: Directory): string {
  const times = sortNames([...children.keys()]).flatMap((name) => {
    const { kind, mtime, mtimeNs } = children.get(name)!
    return kind === 'directory' ? [] : [mtime, mtimeNs]
  })
  return createHash('sha256').update(Float64Array.from(times)).digest('hex')
}

class Lister implements SelectionVisitor {
  private readonly hash = new Sha256()
  private readonly reader = new ContentReader()
  private readonly directories = new DirectoryDigests(this.reader)
  private readonly prefixes: string[] = ['']
  private root = ''
  private text = ''

  begin(path: string, kind: Node['kind']): void {
    this.root = path
    this.text += `${path}\0${kind}\0`
  }

  /** Adds all that a directory has. */
  *whole(directory: Directory): Generator<void> {
    this.text += `${yield* this.directories.below(directory, this.root)}\0`
  }

  enter(name: string, directory: Directory, picked: boolean): void {
    const path = `${this.prefixes.at(-1)}${name}`
    this.line(path, `directory\0${metadataText(directory)}\0${picked ? '' : 'along'}`)
    this.prefixes.push(`${path}/`)
  }

  leave(): void {
    this.prefixes.pop()
  }

  leaf(name: string, node: Exclude<Node, Directory>): void {
    const path = `${this.prefixes.at(-1)}${name}`
    this.line(path, this.directories.textOf(node, `${this.root}/${path}`))
  }

  done(): string {
    this.reader.close()
    this.line('', this.directories.links)
    this.flush()
    return this.hash.hex()
  }

  private line(path: string, rest: string): void {
    this.text += `${path}\0${rest}\0`
    if (this.text.length > 1 << 16) this.flush()
  }

  private flush(): void {
    this.hash.update(this.text)
    this.text = ''
  }
}
