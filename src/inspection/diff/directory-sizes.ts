import type { DirectorySizes } from '../../api/index.ts'
import type { Directory, Node } from '../../files/tree/index.ts'
import { compareNames } from '../../support/index.ts'

/** Bytes of the files in each directory and below it, by its path; '' is the root. A file with several names counts at the first. */
export function directorySizes(root: Directory): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  const seen = new Set<Node>()
  const visit = (directory: Directory, path: string): number => {
    let sum = 0
    for (const [name, node] of directory.children) {
      if (node.kind === 'directory') sum += visit(node, path === '' ? name : `${path}/${name}`)
      else if (node.kind === 'file' && !seen.has(node)) {
        seen.add(node)
        sum += node.size
      }
    }
    sizes.set(path, sum)
    return sum
  }
  visit(root, '')
  return sizes
}

/** The directories whose files have another size in sum, by path. */
export function compareDirectorySizes(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): readonly DirectorySizes[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((path) => ({ path, a: before.get(path) ?? 0, b: after.get(path) ?? 0 }))
    .filter(({ a, b }) => a !== b)
    .sort((x, y) => compareNames(x.path, y.path))
}
