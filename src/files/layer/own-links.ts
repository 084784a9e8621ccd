import { partsOf, plainDirectory, Tree } from '../tree/index.ts'

/**
 * The symlinks that a layer has put so far. Docker unpacks a layer into a directory of its own, where the path of a whiteout
 * leads through these, and only these.
 */
export class OwnLinks {
  private readonly draft = Tree.empty.edit()
  private readonly paths = new Set<string>()

  /** Notes that an entry is put at the path: a symlink, if it has a target. */
  put(path: string, target: string | undefined): void {
    if (target === undefined) {
      if (this.paths.delete(path)) this.draft.remove(partsOf(path))
      return
    }
    const slash = path.lastIndexOf('/') + 1
    const parent = partsOf(this.follow(path.slice(0, slash)))
    const parts = [...parent, path.slice(slash)]
    this.draft.makeDirectories(parent, plainDirectory(0))
    this.draft.put(parts, { ...plainDirectory(0), kind: 'symlink', target })
    this.paths.add(parts.join('/'))
  }

  /** Returns where a directory's path leads. Throws `SYMLINK_LOOP`. */
  follow(path: string): string {
    for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
      if (this.paths.has(end < 0 ? path : path.slice(0, end))) return this.draft.resolve(path).join('/')
      if (end < 0) return path
    }
  }
}
