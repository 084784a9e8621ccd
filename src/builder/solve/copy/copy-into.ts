import type { Directory, Metadata, Node, TreeDraft } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { FileOwner } from '../owner.ts'
import { type Selection, type SelectionVisitor, walkSelection } from './selection.ts'

/** A mode change, and whether it applies to directories created by the copy. */
export interface CopyMode {
  readonly change: (mode: number, isDirectory: boolean) => number
  /** An octal number: also applies to missing parent directories. */
  readonly absolute: boolean
}

export interface CopierOptions {
  readonly now: { readonly mtime: number; readonly mtimeNs: number }
  readonly owner?: FileOwner | undefined
  /** From --chmod. */
  readonly mode?: CopyMode | undefined
}

/** A directory being copied into. */
interface Frame {
  readonly parts: readonly string[]
  /** Its contents, once needed. */
  into?: Map<string, Node>
  /** Whether something was added to it. */
  touched: boolean
}

/**
 * Copies into a draft with the semantics of BuildKit's COPY: a directory's contents go into the destination, which keeps its mode
 * and owner and gets the source's time; anything else goes to the destination's name, or into it if that is a directory. Missing
 * directories are created with 0755 for the new owner. Directories that are copied only for something below them are created as
 * in the source, or only get its mode if they exist. Throws `COPY_ONTO_DIRECTORY` and `COPY_ONTO_FILE` if a file meets a
 * directory.
 */
export class Copier implements SelectionVisitor {
  private readonly draft: TreeDraft
  private readonly options: CopierOptions
  // Names of the same source file are hard links, and remain so within a copy. Docker copies links and devices separately.
  private readonly linked = new Map<Node, Node>()
  private readonly frames: Frame[] = []

  constructor(draft: TreeDraft, options: CopierOptions) {
    this.draft = draft
    this.options = options
  }

  /** Yields regularly, so that the caller can stop. */
  *copy(selection: Selection, to: string): Generator<void> {
    const name = to.slice(to.lastIndexOf('/') + 1)
    const made = name === '' || name === '.' ? to : to.slice(0, to.length - name.length)
    this.makeDirectories(this.draft.resolve(made))
    const target = this.draft.resolve(to)
    const there = this.draft.get(target)
    const { node } = selection
    if (node.kind === 'directory') {
      if (there === undefined) this.makeDirectories(target)
      else if (there.kind !== 'directory') throw ontoFile(target)
      this.frames.push({ parts: target, touched: false })
      yield* walkSelection(node, selection, this)
      this.frames.pop()
      this.draft.change(target, timesOf(selection.untimed === true ? this.options.now : this.timeOf(node)))
      return
    }
    const parts = there?.kind === 'directory' ? [...target, selection.name] : target
    this.makeDirectories(parts.slice(0, -1))
    if (this.draft.get(parts)?.kind === 'directory') throw ontoDirectory(parts)
    this.draft.put(parts, this.copyOf(node), this.options.now)
  }

  enter(name: string, directory: Directory, picked: boolean): void {
    const frame = this.frames.at(-1)!
    const parts = [...frame.parts, name]
    const there = this.contentsOf(frame).get(name)
    if (there === undefined) {
      this.draft.makeDirectory(parts, this.metadataOf(directory))
      frame.touched = true
    } else if (there.kind !== 'directory') throw ontoFile(parts)
    else this.draft.change(parts, picked ? this.metadataOf(directory) : { mode: directory.mode })
    this.frames.push({ parts, touched: false })
  }

  leave(directory: Directory, picked: boolean): void {
    const { parts, touched } = this.frames.pop()!
    // Adding entries changed its time.
    if (picked) this.draft.change(parts, timesOf(this.timeOf(directory)))
    else if (touched) this.draft.change(parts, timesOf(this.options.now))
  }

  leaf(name: string, node: Exclude<Node, Directory>): void {
    const frame = this.frames.at(-1)!
    const into = this.contentsOf(frame)
    if (into.get(name)?.kind === 'directory') throw ontoDirectory([...frame.parts, name])
    into.set(name, this.copyOf(node))
    frame.touched = true
  }

  private contentsOf(frame: Frame): Map<string, Node> {
    frame.into ??= this.draft.contents(frame.parts)
    return frame.into
  }

  private makeDirectories(parts: readonly string[]): void {
    const { mode, owner, now } = this.options
    const permissions = mode?.absolute === true ? mode.change(0o755, true) & 0o777 : 0o755
    this.draft.makeDirectories(parts, { mode: permissions, uid: owner?.uid ?? 0, gid: owner?.gid, ...now })
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
      mode === undefined || node.kind === 'symlink' ? node.mode : mode.change(node.mode, node.kind === 'directory')
    const metadata: Metadata = {
      mode: permissions,
      uid: owner?.uid ?? node.uid,
      gid: owner?.gid ?? node.gid,
      mtime,
      mtimeNs,
    }
    return node.xattrs === undefined ? metadata : { ...metadata, xattrs: node.xattrs }
  }

  /** Most roots have no time of their own. */
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
