import type { StoredLayer } from '../../../files/layer/index.ts'
import type { Difference } from '../../../files/tree/index.ts'
import type { WalkedFile } from './walk.ts'

/**
 * Paths at which a filesystem on disk may differ from the wanted one. A trailing `/` means a directory of which only the metadata
 * may differ; otherwise everything below the path may differ too.
 */
export type Touched = readonly string[]

export function touchedBy(differences: readonly Difference[]): Touched {
  return differences.map((difference) =>
    difference.kind !== 'remove' && difference.node.kind === 'directory' ? `${difference.path}/` : difference.path,
  )
}

/** Returns the paths each layer touches; undefined if some of them lead through symlinks, and so elsewhere. */
export function touchedByLayers(layers: readonly StoredLayer[]): readonly (Touched | undefined)[] {
  const links = new Set<string>()
  return layers.map(({ index: { entries } }) => {
    for (const { kind, path } of entries) if (kind === 'symlink') links.add(path)
    const straight = new Set([''])
    const isStraight = (folder: string): boolean => {
      if (straight.has(folder)) return true
      if (links.has(folder) || !isStraight(parentOf(folder))) return false
      straight.add(folder)
      return true
    }
    if (links.size > 0 && entries.some(({ path }) => !isStraight(parentOf(path)))) return undefined
    return entries.map(({ kind, path }) => (kind === 'directory' || kind === 'touch' ? `${path}/` : path))
  })
}

/** Returns paths in the folder that layers could not have created that way: names that share a file, and sockets. */
export function oddities(found: WalkedFile, name: (latin1: string) => string): string[] {
  const odd: string[] = []
  // No function calls itself: directories may be some 2,000 deep.
  const waiting: { readonly directory: WalkedFile; readonly prefix: string }[] = [{ directory: found, prefix: '' }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { directory, prefix } = next
    for (const socket of directory.sockets ?? []) odd.push(prefix + name(socket))
    for (const child of directory.children ?? []) {
      const path = prefix + name(child.name)
      if (child.kind === 'directory') waiting.push({ directory: child, prefix: `${path}/` })
      else if (child.inode !== undefined) odd.push(path)
    }
  }
  return odd
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}
