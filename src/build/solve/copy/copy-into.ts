import type { Directory, Metadata, Node, TreeDraft } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Owner } from '../owner.ts'
import type { ParentPick } from './pick-parents.ts'
import type { Pick } from './pick-sources.ts'

/** Says which paths below a copied directory stay behind. */
export interface Excluder {
  ignored(path: string): boolean
  mayReinclude(directory: string): boolean
}

export interface CopyOptions {
  readonly now: { readonly mtime: number; readonly mtimeNs: number }
  readonly owner?: Owner | undefined
  /** What --chmod makes of a mode. */
  readonly mode?: ((mode: number, isDirectory: boolean) => number) | undefined
  readonly exclude?: Excluder | undefined
}

/**
 * Copies into a draft as BuildKit's COPY does to a disk: a directory's contents go into the destination, which keeps its
 * mode and owner and takes the source's time; anything else goes to the destination's name, or into it where that is
 * a directory. Missing directories are made with 0755 for the new owner. Throws `COPY_ONTO_DIRECTORY` and
 * `COPY_ONTO_FILE` where a file meets a directory.
 */
export class Copier {
  private readonly draft: TreeDraft
  private readonly options: CopyOptions
  // One file of the source under several names is a hard link, and stays one within a copy. Of links and devices Docker makes copies.
  private readonly linked = new Map<Node, Node>()

  constructor(draft: TreeDraft, options: CopyOptions) {
    this.draft = draft
    this.options = options
  }

  copy(pick: Pick, to: string): void {
    const name = to.slice(to.lastIndexOf('/') + 1)
    const made = name === '' || name === '.' ? to : to.slice(0, to.length - name.length)
    this.makeDirectories(this.draft.resolve(made))
    const target = this.draft.resolve(to)
    const there = this.draft.get(target)
    if (pick.node.kind === 'directory') {
      if (there === undefined) this.makeDirectories(target)
      else if (there.kind !== 'directory') throw ontoFile(target)
      this.fill(pick.node, target, '')
      // Most roots have no time of their own.
      if (pick.path === '' && pick.timed !== true) this.draft.change(target, timesOf(this.options.now))
      return
    }
    const parts = there?.kind === 'directory' ? [...target, pick.name] : target
    this.makeDirectories(parts.slice(0, -1))
    this.leaf(pick.node, parts)
  }

  copyWithParents(pick: ParentPick, to: string): void {
    const target = this.draft.resolve(to)
    this.makeDirectories(target)
    const names = pick.path === '' ? [] : pick.path.split('/')
    for (const [i, parent] of pick.parents.entries()) this.directory(parent, [...target, ...names.slice(0, i + 1)])
    const parts = [...target, ...names]
    if (pick.node.kind !== 'directory') {
      if (this.options.exclude?.ignored(pick.path) !== true) this.leaf(pick.node, parts)
    } else {
      if (names.length > 0) this.directory(pick.node, parts)
      this.fill(pick.node, parts, pick.path === '' ? '' : `${pick.path}/`)
    }
    // Making things in them gave them another time.
    for (const [i, parent] of [...pick.parents.entries()].reverse())
      this.draft.change([...target, ...names.slice(0, i + 1)], timesOf(this.timeOf(parent)))
  }

  private makeDirectories(parts: readonly string[]): void {
    const { mode, owner, now } = this.options
    const permissions = mode === undefined ? 0o755 : mode(0o755, true) & 0o777
    this.draft.makeDirectories(parts, { mode: permissions, uid: owner?.uid ?? 0, gid: owner?.gid, ...now })
  }

  /**
   * Copies what is in the directory; `prefix` is its path below the source's root. `make` makes the target, where that
   * waits for something to come into it.
   */
  private fill(directory: Directory, target: readonly string[], prefix: string, make?: () => void): void {
    const { exclude } = this.options
    let into: Map<string, Node> | undefined
    for (const [name, child] of directory.children) {
      const excluded = exclude?.ignored(prefix + name) === true
      if (child.kind === 'directory') this.subdirectory(child, [...target, name], prefix + name, excluded, make)
      else if (!excluded) {
        make?.()
        into ??= this.draft.contents(target)
        if (into.get(name)?.kind === 'directory') throw ontoDirectory([...target, name])
        into.set(name, this.copyOf(child))
      }
    }
    if (this.draft.get(target)?.kind === 'directory') this.draft.change(target, timesOf(this.timeOf(directory)))
  }

  private subdirectory(
    child: Directory,
    parts: readonly string[],
    path: string,
    excluded: boolean,
    make: (() => void) | undefined,
  ): void {
    const makeChild = () => {
      make?.()
      this.directory(child, parts)
    }
    if (!excluded) {
      makeChild()
      this.fill(child, parts, `${path}/`)
    } else if (this.options.exclude!.mayReinclude(path)) {
      this.fill(child, parts, `${path}/`, once(makeChild))
    }
  }

  private directory(node: Directory, parts: readonly string[]): void {
    const there = this.draft.get(parts)
    if (there === undefined) this.draft.makeDirectory(parts, this.metadataOf(node), this.options.now)
    else if (there.kind === 'directory') this.draft.change(parts, this.metadataOf(node))
    else throw ontoFile(parts)
  }

  private leaf(node: Exclude<Node, Directory>, parts: readonly string[]): void {
    if (this.draft.get(parts)?.kind === 'directory') throw ontoDirectory(parts)
    this.draft.put(parts, this.copyOf(node), this.options.now)
  }

  private copyOf(node: Exclude<Node, Directory>): Node {
    let copy = this.linked.get(node)
    if (copy === undefined) {
      const { mode, uid, gid, mtime, mtimeNs, xattrs } = this.metadataOf(node)
      // The usual case as a literal: spreading is many times slower, and there may be tens of thousands.
      if (node.kind === 'file' && xattrs === undefined)
        copy = {
          kind: 'file',
          mode,
          uid,
          gid,
          mtime,
          mtimeNs,
          size: node.size,
          content: node.content,
          digest: node.digest,
        }
      else copy = { ...node, mode, uid, gid, mtime, mtimeNs }
      if (node.kind === 'file') this.linked.set(node, copy)
    }
    return copy
  }

  private metadataOf(node: Node): Metadata {
    const { owner, mode } = this.options
    const { mtime, mtimeNs } = this.timeOf(node)
    const permissions =
      mode === undefined || node.kind === 'symlink' ? node.mode : mode(node.mode, node.kind === 'directory')
    const metadata: Metadata = {
      mode: permissions,
      uid: owner?.uid ?? node.uid,
      gid: owner?.gid ?? node.gid,
      mtime,
      mtimeNs,
    }
    return node.xattrs === undefined ? metadata : { ...metadata, xattrs: node.xattrs }
  }

  /** The root of a context or of a stage has no time of its own. */
  private timeOf(node: Node): { readonly mtime: number; readonly mtimeNs: number } {
    return Number.isNaN(node.mtime) ? this.options.now : node
  }
}

function timesOf({ mtime, mtimeNs }: { readonly mtime: number; readonly mtimeNs: number }) {
  return { mtime, mtimeNs }
}

function ontoDirectory(parts: readonly string[]): TareError {
  return new TareError('COPY_ONTO_DIRECTORY', `cannot replace the directory "/${parts.join('/')}" with a file`, {
    remedy: 'Copy to another name, or remove the directory in an earlier step.',
  })
}

function ontoFile(parts: readonly string[]): TareError {
  return new TareError(
    'COPY_ONTO_FILE',
    `cannot copy a directory onto "/${parts.join('/')}", which is not a directory`,
    {
      remedy: 'Copy to another name, or remove it in an earlier step.',
    },
  )
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}
