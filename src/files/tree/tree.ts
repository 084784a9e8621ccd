import { sortNames } from '../../support/index.ts'
import { TreeDraft } from './draft.ts'
import type { Directory, Metadata, Node } from './node.ts'
import { nodeAt, partsOf, resolveParts } from './paths.ts'

/** Metadata of a directory that nobody has described: 0755, root's. */
export function plainDirectory(mtime: number, mtimeNs = 0): Metadata {
  return { mode: 0o755, uid: 0, gid: 0, mtime, mtimeNs }
}

/** A filesystem as a value. Two trees share what they have in common, so `===` on a directory means: nothing below it differs. */
export class Tree {
  static readonly empty = new Tree({ kind: 'directory', ...plainDirectory(0), children: new Map() })

  readonly root: Directory

  constructor(root: Directory) {
    this.root = root
  }

  /** The node at the path; no symlink is followed. */
  get(path: string): Node | undefined {
    return nodeAt(this.root, partsOf(path))
  }

  /** The path with every symlink followed inside the root, whether or not it exists: `usr/share`, or '' for the root. Throws `SYMLINK_LOOP`. */
  resolve(path: string): string {
    return resolveParts(this.root, path).join('/')
  }

  /** The node at the path, symlinks followed. */
  find(path: string): Node | undefined {
    return nodeAt(this.root, resolveParts(this.root, path))
  }

  /** Everything below the root, a directory before what it holds, names in the order of their bytes. */
  *walk(): Generator<readonly [path: string, node: Node]> {
    yield* walkDirectory(this.root, '')
  }

  /** A copy to change. */
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

/** The directory's names in the order of their bytes. */
export function sortedNames(directory: Directory): string[] {
  return sortNames([...directory.children.keys()])
}
