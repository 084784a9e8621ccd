import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { decodeName, systemPath } from '../../../support/index.ts'
import { type Directory, type Node, Tree } from '../../tree/index.ts'

export interface CheckoutLook {
  readonly mtime: number
  readonly mtimeNs: number
  readonly keepGitDir: boolean
}

/** Returns a checkout as a tree. Of the modes, only git's executable bit counts. */
export function treeOfCheckout(folder: string, look: CheckoutLook): Tree {
  return new Tree(directory(folder, look))
}

function directory(path: string, look: CheckoutLook): Directory {
  const children = new Map<string, Node>()
  for (const bytes of readdirSync(systemPath(path), { encoding: 'buffer' })) {
    const name = decodeName(bytes)
    // In a submodule it is a file that would point nowhere in an image.
    if (name === '.git' && !look.keepGitDir) continue
    children.set(name, node(`${path}/${name}`, look))
  }
  return { kind: 'directory', ...metadata(0o755, look), children }
}

function node(path: string, look: CheckoutLook): Node {
  const stat = lstatSync(systemPath(path))
  if (stat.isDirectory()) return directory(path, look)
  if (stat.isSymbolicLink()) {
    const target = decodeName(readlinkSync(systemPath(path), { encoding: 'buffer' }))
    return { kind: 'symlink', ...metadata(0o777, look), target }
  }
  // Objects of a kept .git are read-only.
  const mode = (stat.mode & 0o100) !== 0 ? 0o755 : (stat.mode & 0o200) !== 0 ? 0o644 : 0o444
  const content =
    stat.size === 0
      ? ({ kind: 'inline', bytes: new Uint8Array(0) } as const)
      : ({ kind: 'extent', path, offset: 0 } as const)
  return { kind: 'file', ...metadata(mode, look), size: stat.size, content }
}

function metadata(mode: number, { mtime, mtimeNs }: CheckoutLook) {
  return { mode, uid: 0, gid: 0, mtime, mtimeNs }
}
