import { sortNames } from '../../support/index.ts'
import { TreeDraft } from './draft.ts'
import type { Directory, Metadata, Node } from './node.ts'
import { nodeAt, partsOf, resolveParts } from './paths.ts'

/** Returns default directory metadata: 0755, owned by root. */
export function plainDirectory(mtime: number, mtimeNs = 0): Metadata {
  return { mode: 0o755, uid: 0, gid: 0, mtime, mtimeNs }
}

/** A filesystem as a value. Trees share common parts, so if two directories are `===`, nothing below them differs. */
export class Tree {
  static readonly empty = new Tree({ kind: 'directory', ...plainDirectory(0), children: new Map() })

  readonly root: Directory

  constructor(root: Directory) {
    this.root = root
  }

  /** Returns the node at the path, without following symlinks. */
  get(path: string): Node | undefined {
    return nodeAt(this.root, partsOf(path))
  }

  /**
   * Follows all symlinks of the path within the root, whether or not it exists: `usr/share`, or '' for the root. Throws
   * `SYMLINK_LOOP`.
   */
  resolve(path: string): string {
    return resolveParts(this.root, path).join('/')
  }

  /** Returns the node at the path, following symlinks. */
  find(path: string): Node | undefined {
    return nodeAt(this.root, resolveParts(this.root, path))
  }

  /** Yields everything below the root, directories before their contents, names sorted by their bytes. */
  *walk(): Generator<readonly [path: string, node: Node]> {
    yield* walkDirectory(this.root, '')
  }

  /** Returns a draft to change a copy. */
  edit(): TreeDraft {
    return new TreeDraft(this.root)
  }
}

function* walkDirectory(directory: Directory, prefix: string): Generator<readonly [string, Node]> {
  for (const name of sortedNames(directory)) {
    const node = directory.children.get(name)!
    yield [prefix + name, node]
    if (node.kind === 'directory') yield* walkDirectory(node, `${prefix}${name}/`)
  }
}

/** Returns the directory's names sorted by their bytes. */
export function sortedNames(directory: Directory): string[] {
  return sortNames([...directory.children.keys()])
}
