import { type ContentReader, digestOf } from '../../../files/layer/index.ts'
import { type Directory, type Node, subdirectories } from '../../../files/tree/index.ts'
import { Sha256, sha256Hex, sortNames } from '../../../support/index.ts'

/**
 * Digests directories: names, modes, owners, links and contents of everything below, but no times. A directory's digest is made of
 * that of its files and of those of its directories, so that a folder whose files are as they were need not be looked through.
 */
export class DirectoryDigests {
  private readonly reader: ContentReader
  private readonly first = new Map<Node, string>()
  private readonly digests = new Map<Directory, string>()
  /** Which files have several names, or are below several of the directories: told apart from the digests. */
  links = ''

  constructor(reader: ContentReader) {
    this.reader = reader
  }

  /** Yields regularly. `path` names files in `links`. */
  *below(directory: Directory, path: string): Generator<void, string> {
    this.note(directory, path)
    const again = this.digests.get(directory)
    if (again !== undefined) return again
    const directories = subdirectories(directory)
    let text = yield* this.listingOf(directory, path)
    for (const name of sortNames([...directories.keys()])) {
      const child = directories.get(name)!
      text += `\0${name}\0${metadataText(child)}\0${yield* this.below(child, `${path}/${name}`)}`
    }
    yield
    const digest = directories.size === 0 ? text : sha256Hex(text)
    this.digests.set(directory, digest)
    return digest
  }

  /** Returns what a file, link or device is, as text. */
  textOf(node: Exclude<Node, Directory>, path: string): string {
    this.note(node, path)
    return `${node.kind}\0${metadataText(node)}\0${this.rest(node)}`
  }

  private note(node: Node, path: string): void {
    const first = this.first.get(node)
    if (first === undefined) this.first.set(node, path)
    else this.links += `${path}\0${first}\0`
  }

  /** Returns a digest of all in a directory that is none itself. */
  private *listingOf(directory: Directory, path: string): Generator<void, string> {
    const { outline } = directory
    const known = outline?.listing
    if (known === undefined) {
      const listing = yield* this.listed(directory, path)
      if (outline !== undefined) outline.listing = listing
      return listing
    }
    // Any of them may have been selected by itself, too.
    if (outline?.hasNodes === true)
      for (const [name, node] of directory.children) if (node.kind !== 'directory') this.note(node, `${path}/${name}`)
    return known
  }

  private *listed({ children }: Directory, path: string): Generator<void, string> {
    const hash = new Sha256()
    let text = ''
    let count = 0
    for (const name of sortNames([...children.keys()])) {
      const node = children.get(name)!
      if (node.kind === 'directory') continue
      text += `${name}\0${this.textOf(node, `${path}/${name}`)}\0`
      if (++count % stride > 0) continue
      hash.update(text)
      text = ''
      yield
    }
    return hash.update(text).hex()
  }

  private rest(node: Exclude<Node, Directory>): string {
    if (node.kind === 'file') return `${node.size} ${digestOf(node, this.reader)}`
    if (node.kind === 'symlink') return JSON.stringify(node.target)
    return node.kind === 'fifo' ? '' : `${node.major} ${node.minor}`
  }
}

// Number of files between two yields.
const stride = 64

/** Returns a node's mode, owner and attributes as text. */
export function metadataText({ mode, uid, gid, xattrs }: Node): string {
  if (xattrs === undefined) return `${mode} ${uid} ${gid}`
  const all = [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')])
  return `${mode} ${uid} ${gid} ${JSON.stringify(all)}`
}
