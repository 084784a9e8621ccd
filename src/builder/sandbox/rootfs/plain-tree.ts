import { type Content, type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import { decodeName } from '../../../support/index.ts'
import { leafOf } from './changed-tree.ts'
import type { WalkedFile } from './walk.ts'

export interface PlainTreeOptions {
  readonly before: Tree
  /** Where the files are. */
  readonly folder: string
  /** When the step began, in milliseconds since 1970 by the disk's clock. */
  readonly since: number
  /** Names in the root that count as unchanged, whatever was done there. */
  readonly untouched: ReadonlySet<string>
  readonly capabilities: ReadonlyMap<string, Uint8Array>
  readonly sparse: ReadonlyMap<string, Content>
}

/** Returns the filesystem found in a folder: whatever has not changed since the step began keeps its node. */
export function plainTree(found: WalkedFile, options: PlainTreeOptions): Tree {
  const { before, untouched } = options
  const root = new Plain(options).directory(found, before.root, '')
  const children = new Map([...root.children].filter(([name]) => !untouched.has(name)))
  for (const name of untouched) {
    const old = before.root.children.get(name)
    if (old !== undefined) children.set(name, old)
  }
  return new Tree({ ...before.root, children })
}

class Plain {
  private readonly options: PlainTreeOptions
  private readonly linked = new Map<string, Exclude<Node, Directory>>()

  constructor(options: PlainTreeOptions) {
    this.options = options
  }

  directory(found: WalkedFile, before: Directory | undefined, path: string): Directory {
    const children = new Map<string, Node>()
    let same = before !== undefined && before.children.size === (found.children ?? []).length
    for (const child of found.children ?? []) {
      const name = decodeName(Buffer.from(child.name, 'latin1'))
      const old = before?.children.get(name)
      const node = this.node(child, old, path === '' ? name : `${path}/${name}`)
      if (node !== old) same = false
      children.set(name, node)
    }
    if (before !== undefined && sameMetadata(found, before)) return same ? before : { ...before, children }
    const { mode, uid, gid, mtime, mtimeNs } = found
    return { kind: 'directory', mode, uid, gid, mtime, mtimeNs, children }
  }

  private node(found: WalkedFile, old: Node | undefined, path: string): Node {
    if (found.kind === 'directory') return this.directory(found, old?.kind === 'directory' ? old : undefined, path)
    if (old !== undefined && found.changed < this.options.since && old.kind === found.kind && sameMetadata(found, old))
      return old
    const known = found.inode === undefined ? undefined : this.linked.get(found.inode)
    if (known !== undefined) return known
    const { folder, capabilities, sparse } = this.options
    const node = leafOf(found, old, path, { folder, capabilities, sparse, uid: (id) => id, gid: (id) => id })
    if (found.inode !== undefined) this.linked.set(found.inode, node)
    return node
  }
}

/** Times also match if the disk stored only seconds, or a floating-point number lost some nanoseconds. */
function sameMetadata(found: WalkedFile, old: Node): boolean {
  const ns = found.mtimeNs === 0 ? 0 : Math.abs((found.mtime - old.mtime) * 1e9 + found.mtimeNs - old.mtimeNs)
  return (
    found.mode === (old.kind === 'symlink' ? found.mode : old.mode) &&
    found.uid === old.uid &&
    found.gid === old.gid &&
    Math.abs(found.mtime - old.mtime) <= (ns === 0 ? 0 : 1) &&
    ns < 1000
  )
}
