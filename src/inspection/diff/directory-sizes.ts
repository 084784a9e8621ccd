import type { DirectorySizes } from '../../api/index.ts'
import { compareNames } from '../../support/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatDirectory } from '../filesystem/flat-directory.ts'

/**
 * Returns the total size of the files below each directory, by path; '' is the root. A file with several names counts at the
 * first.
 */
function directorySizes(flat: FlatFilesystem): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  const seen = new Set<number>()
  const visit = (directory: FlatDirectory, path: string): number => {
    let sum = 0
    if (directory.run !== undefined && flat.linked.size === 0) {
      directory.forEachNode((node) => {
        sum += flat.sizeOf(node)
      })
      sizes.set(path, sum)
      return sum
    }
    const names = flat.linked.size === 0 ? directory.children.keys() : [...directory.children.keys()].sort(compareNames)
    for (const name of names) {
      const node = directory.children.get(name)!
      if (typeof node === 'object') sum += visit(node, path === '' ? name : `${path}/${name}`)
      else if (!flat.linked.has(node)) sum += flat.sizeOf(node)
      else if (!seen.has(node)) {
        seen.add(node)
        sum += flat.sizeOf(node)
      }
    }
    sizes.set(path, sum)
    return sum
  }
  visit(flat.root, '')
  return sizes
}

/** Lists directories whose total size differs, by path. */
export function compareDirectorySizes(one: FlatFilesystem, other: FlatFilesystem): readonly DirectorySizes[] {
  const [before, after] = [directorySizes(one), directorySizes(other)]
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((path) => ({ path, a: before.get(path) ?? 0, b: after.get(path) ?? 0 }))
    .filter(({ a, b }) => a !== b)
    .sort((x, y) => compareNames(x.path, y.path))
}
