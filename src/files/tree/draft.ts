import { deepestPath, TareError } from '../../support/index.ts'
import type { Directory, Metadata, Node } from './node.ts'
import { nodeAt, resolveParts } from './paths.ts'

/** A directory that belongs to one draft, which may change it. */
class DraftDirectory implements Directory {
  readonly kind = 'directory'
  mode: number
  uid: number
  gid: number
  mtime: number
  mtimeNs: number
  xattrs?: ReadonlyMap<string, Uint8Array>
  readonly children: Map<string, Node>
  /** The draft that may change it; undefined once the tree is done. */
  owner: TreeDraft | undefined

  constructor(metadata: Metadata, children: ReadonlyMap<string, Node> | undefined, owner: TreeDraft) {
    this.mode = metadata.mode
    this.uid = metadata.uid
    this.gid = metadata.gid
    this.mtime = metadata.mtime
    this.mtimeNs = metadata.mtimeNs
    if (metadata.xattrs !== undefined) this.xattrs = metadata.xattrs
    this.children = new Map(children)
    this.owner = owner
  }
}

/** A directory to create. Without a group it gets root's, or that of a parent with the setgid bit. */
export type NewDirectory = Omit<Metadata, 'gid'> & { readonly gid?: number | undefined }

const setgid = 0o2000

/** (Linux, inode(7)) */
function inheriting(parent: Node, metadata: NewDirectory): Metadata {
  if ((parent.mode & setgid) === 0) return { ...metadata, gid: metadata.gid ?? 0 }
  return { ...metadata, mode: metadata.mode | setgid, gid: metadata.gid ?? parent.gid }
}

/** A change to a directory's metadata. */
export type MetadataChange = Partial<Metadata>

/**
 * A tree being changed. Paths are lists of names, already resolved (see `resolve`), and each method does what the system call of
 * that name does on a disk. Directories are copied on first write; the original tree does not change.
 */
export class TreeDraft {
  root: Directory

  constructor(root: Directory) {
    this.root = root
  }

  get(parts: readonly string[]): Node | undefined {
    return nodeAt(this.root, parts)
  }

  /** Follows all symlinks of the path within the root, unless `follows` says no. Throws `SYMLINK_LOOP`. */
  resolve(path: string, follows?: (link: Node) => boolean): string[] {
    return resolveParts(this.root, path, follows)
  }

  /** Follows all symlinks with `directory` as the root, as a process confined to it would. Throws `SYMLINK_LOOP`. */
  resolveBelow(directory: Directory, path: string): string[] {
    return resolveParts(directory, path)
  }

  /**
   * Puts a node at a path whose parent is a directory, replacing anything there. `touched` becomes the parent's time. Throws
   * `PATH_TOO_DEEP`.
   */
  put(parts: readonly string[], node: Node, touched?: { readonly mtime: number; readonly mtimeNs: number }): void {
    refuseTooDeep(parts)
    const parent = this.own(parts.slice(0, -1))
    parent.children.set(parts[parts.length - 1]!, node)
    if (touched !== undefined) touch(parent, touched)
  }

  /** Removes a path and everything below it, if it exists. */
  remove(parts: readonly string[], touched?: { readonly mtime: number; readonly mtimeNs: number }): void {
    if (this.get(parts) === undefined) return
    const parent = this.own(parts.slice(0, -1))
    parent.children.delete(parts[parts.length - 1]!)
    if (touched !== undefined) touch(parent, touched)
  }

  /** Creates an empty directory, replacing anything there. */
  makeDirectory(
    parts: readonly string[],
    metadata: Metadata,
    touched?: { readonly mtime: number; readonly mtimeNs: number },
  ): void {
    this.put(parts, new DraftDirectory(metadata, undefined, this), touched)
  }

  /**
   * Creates the path's missing directories with `metadata`; a parent that gets a new child also gets `metadata`'s time. Below a
   * directory with the setgid bit they inherit that bit and, unless `gid` is given, the group. Throws `NOT_A_DIRECTORY` if
   * something else is in the way.
   */
  makeDirectories(parts: readonly string[], metadata: NewDirectory): void {
    refuseTooDeep(parts)
    let there: Directory = this.root
    let count = 0
    for (let node: Node | undefined; count < parts.length; count++, there = node) {
      node = there.children.get(parts[count]!)
      if (node === undefined) break
      if (node.kind === 'directory') continue
      const path = parts.slice(0, count + 1).join('/')
      throw new TareError('NOT_A_DIRECTORY', `"/${path}" is not a directory but a ${nameOfKind(node)}`)
    }
    if (count === parts.length) return
    let parent = this.own(parts.slice(0, count))
    for (const name of parts.slice(count)) {
      const made = new DraftDirectory(inheriting(parent, metadata), undefined, this)
      parent.children.set(name, made)
      touch(parent, metadata)
      parent = made
    }
  }

  /** Changes a directory's metadata and keeps its children. */
  change(parts: readonly string[], change: MetadataChange): void {
    Object.assign(this.own(parts), change)
  }

  /**
   * Returns a directory's children for modification in place: for many changes in one directory. Valid until the draft is done.
   */
  contents(parts: readonly string[]): Map<string, Node> {
    return this.own(parts).children
  }

  /** Removes everything in the directory. */
  clear(parts: readonly string[]): void {
    this.own(parts).children.clear()
  }

  /** Returns the tree's root, immutable from now on. The draft cannot be used any more. */
  done(): Directory {
    release(this.root)
    return this.root
  }

  /** Returns the directory at the path as this draft's own copy. */
  private own(parts: readonly string[]): DraftDirectory {
    let directory = this.owned(this.root)
    this.root = directory
    for (const [i, part] of parts.entries()) {
      const child = directory.children.get(part)
      if (child?.kind !== 'directory')
        throw new TareError('NOT_A_DIRECTORY', `"/${parts.slice(0, i + 1).join('/')}" is not a directory`)
      const mine = this.owned(child)
      if (mine !== child) directory.children.set(part, mine)
      directory = mine
    }
    return directory
  }

  private owned(directory: Directory): DraftDirectory {
    if (directory instanceof DraftDirectory && directory.owner === this) return directory
    return new DraftDirectory(directory, directory.children, this)
  }
}

function touch(directory: DraftDirectory, time: { readonly mtime: number; readonly mtimeNs: number }): void {
  directory.mtime = time.mtime
  directory.mtimeNs = time.mtimeNs
}

function release(directory: Directory): void {
  if (!(directory instanceof DraftDirectory) || directory.owner === undefined) return
  directory.owner = undefined
  for (const child of directory.children.values()) if (child.kind === 'directory') release(child)
}

export function nameOfKind(node: Node): string {
  const names = {
    file: 'file',
    directory: 'directory',
    symlink: 'symbolic link',
    char: 'character device',
    block: 'block device',
    fifo: 'named pipe',
  }
  return names[node.kind]
}

/** Trees are walked recursively, and no system could create such a path. */
function refuseTooDeep(parts: readonly string[]): void {
  if (parts.length <= deepestPath + 1) return
  const path = `/${parts.slice(0, 10).join('/')}/…`
  throw new TareError('PATH_TOO_DEEP', `${JSON.stringify(path)} lies ${parts.length} directories deep`, {
    remedy: `Linux allows ${deepestPath}.`,
  })
}
