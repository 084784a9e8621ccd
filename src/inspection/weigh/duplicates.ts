import type { DuplicateFiles } from '../../api/index.ts'
import { ContentReader, contentOf, digestOf } from '../../files/layer/index.ts'
import type { Digest } from '../../oci/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { VisibleFile } from './visible-files.ts'

/** A digest that had to be read, and the entry that has it. */
export interface ReadDigest {
  readonly layer: number
  readonly i: number
  readonly digest: Digest
}

/**
 * Finds files with the same content, those that waste most first. Files whose digest is not known are read, but only where another
 * file has the same size; `read` gets what was learnt.
 */
export function findDuplicates(
  flat: FlatFilesystem,
  files: readonly VisibleFile[],
  read: ReadDigest[],
): readonly DuplicateFiles[] {
  const bySize = new Map<number, VisibleFile[]>()
  for (const file of files) {
    const size = flat.sizeOf(file.id)
    if (size === 0) continue
    const same = bySize.get(size)
    if (same === undefined) bySize.set(size, [file])
    else same.push(file)
  }
  const reader = new ContentReader()
  const digestFor = (id: number): Digest => {
    const { layer, table, i } = flat.locate(id)
    const known = table.digest(i)
    if (known !== undefined) return known
    const entry = table.entry(i)
    const digest = digestOf({ ...entry, kind: 'file', content: contentOf(flat.layers[layer]!, entry) }, reader)
    read.push({ layer, i, digest })
    return digest
  }
  const found: DuplicateFiles[] = []
  try {
    for (const [size, same] of bySize) {
      if (same.length === 1) continue
      const byDigest = groupBy(same, ({ id }) => digestFor(id))
      for (const [digest, group] of byDigest)
        if (group.length > 1) found.push({ digest, size, paths: group.map(({ path }) => path) })
    }
  } finally {
    reader.close()
  }
  return found.sort((a, b) => b.size * (b.paths.length - 1) - a.size * (a.paths.length - 1))
}

function groupBy<T, K>(items: readonly T[], key: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const found = key(item)
    const group = groups.get(found)
    if (group === undefined) groups.set(found, [item])
    else group.push(item)
  }
  return groups
}
