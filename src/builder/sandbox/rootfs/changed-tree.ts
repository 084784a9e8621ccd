import { type Content, type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import { decodeName } from '../../../support/index.ts'
import type { WalkedFile } from './walk.ts'

export interface ChangedTreeOptions {
  /** The filesystem below. */
  readonly below: Tree
  /** Where the found files are. */
  readonly folder: string
  /** A file with contents that could not be read in place. */
  readonly aside?: string | undefined
  /** Maps IDs to those seen in the sandbox. */
  readonly uid: (id: number) => number
  readonly gid: (id: number) => number
  /** Whether files can belong to that owner here. The others were unpacked as root's: theirs stay as they were. */
  readonly isMapped?: ((owner: { readonly uid: number; readonly gid: number }) => boolean) | undefined
  readonly capabilities: ReadonlyMap<string, Uint8Array>
  /** Contents that are nearly all holes, by path. */
  readonly sparse: ReadonlyMap<string, Content>
}

/** Returns the filesystem given the contents of an overlay's upper directory. */
export function changedTree(found: WalkedFile, options: ChangedTreeOptions): Tree {
  return new Tree(new Changes(options).directory(found, options.below.root, ''))
}

class Changes {
  private readonly options: ChangedTreeOptions
  private readonly linked = new Map<string, Node>()

  constructor(options: ChangedTreeOptions) {
    this.options = options
  }

  directory(found: WalkedFile, below: Directory | undefined, path: string): Directory {
    const children = new Map<string, Node>()
    for (const latin1 of found.shown ?? []) {
      const name = nameOf(latin1)
      const old = below?.children.get(name)
      if (old !== undefined) children.set(name, old)
    }
    for (const child of found.children ?? []) {
      // A character device 0/0 marks a removed name. (overlayfs.rst, "whiteouts and opaque directories")
      if (child.kind === 'char' && child.device?.[0] === 0 && child.device[1] === 0) continue
      const name = nameOf(child.name)
      const old = below?.children.get(name)
      children.set(name, this.node(child, old, path === '' ? name : `${path}/${name}`))
    }
    const metadata =
      path === '' && below !== undefined ? below : { kind: 'directory' as const, ...this.metadata(found, below) }
    return { ...metadata, children }
  }

  private node(found: WalkedFile, old: Node | undefined, path: string): Node {
    if (found.kind === 'directory') return this.directory(found, old?.kind === 'directory' ? old : undefined, path)
    const known = found.inode === undefined ? undefined : this.linked.get(found.inode)
    if (known !== undefined) return known
    const node = leafOf(found, old, path, this.options)
    if (found.inode !== undefined) this.linked.set(found.inode, node)
    return node
  }

  private metadata(found: WalkedFile, old: Node | undefined) {
    return metadataOf(found, old, this.options)
  }
}

type LeafOptions = Omit<ChangedTreeOptions, 'below'>

/** Returns a found file as a tree node. */
export function leafOf(
  found: WalkedFile,
  old: Node | undefined,
  path: string,
  options: LeafOptions,
): Exclude<Node, Directory> {
  const metadata = metadataOf(found, old, options)
  if (found.kind === 'symlink') return { kind: 'symlink', ...metadata, target: nameOf(found.target ?? '') }
  if (found.kind === 'char' || found.kind === 'block')
    return { kind: found.kind, ...metadata, major: found.device?.[0] ?? 0, minor: found.device?.[1] ?? 0 }
  if (found.kind === 'fifo') return { kind: 'fifo', ...metadata }
  const { folder, aside, capabilities, sparse } = options
  const capability = capabilities.get(path)
  return {
    kind: 'file',
    ...metadata,
    ...(capability === undefined ? {} : { xattrs: new Map([['security.capability', capability]]) }),
    size: found.size,
    content:
      found.size === 0
        ? { kind: 'inline', bytes: new Uint8Array(0) }
        : found.aside !== undefined && aside !== undefined
          ? { kind: 'extent', path: aside, offset: found.aside }
          : (sparse.get(path) ?? { kind: 'extent', path: `${folder}/${path}`, offset: 0 }),
  }
}

function metadataOf(found: WalkedFile, old: Node | undefined, options: Pick<LeafOptions, 'uid' | 'gid' | 'isMapped'>) {
  const { mode, mtime } = found
  // Layers store whole seconds; a file unpacked from one and only copied up has not changed.
  const mtimeNs = found.mtimeNs === 0 && old?.mtime === mtime ? old.mtimeNs : found.mtimeNs
  const [uid, gid] = [options.uid(found.uid), options.gid(found.gid)]
  const keeps = old?.kind === found.kind && uid + gid === 0 && options.isMapped?.(old) === false
  return { mode, ...(keeps ? { uid: old.uid, gid: old.gid } : { uid, gid }), mtime, mtimeNs }
}

function nameOf(latin1: string): string {
  return decodeName(Buffer.from(latin1, 'latin1'))
}
