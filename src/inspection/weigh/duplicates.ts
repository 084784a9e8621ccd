import type { DuplicateFiles } from '../../api/index.ts'
import { ContentReader, digestOf } from '../../files/layer/index.ts'
import type { RegularFile } from '../../files/tree/index.ts'

/**
 * Files that are there more than once, by content; what a single copy would save, most first. Files whose digest nobody knows are
 * read, but only where another one has the same size.
 */
export function findDuplicates(
  files: readonly (readonly [path: string, file: RegularFile])[],
): readonly DuplicateFiles[] {
  const bySize = new Map<number, (readonly [string, RegularFile])[]>()
  for (const one of files) {
    const { size } = one[1]
    if (size === 0) continue
    const same = bySize.get(size)
    if (same === undefined) bySize.set(size, [one])
    else same.push(one)
  }
  const reader = new ContentReader()
  const found: DuplicateFiles[] = []
  for (const [size, same] of bySize) {
    if (same.length === 1) continue
    const byDigest = new Map<string, string[]>()
    for (const [path, file] of same) {
      const digest = digestOf(file, reader)
      const paths = byDigest.get(digest)
      if (paths === undefined) byDigest.set(digest, [path])
      else paths.push(path)
    }
    for (const [digest, paths] of byDigest)
      if (paths.length > 1) found.push({ digest: digest as DuplicateFiles['digest'], size, paths })
  }
  return found.sort((a, b) => b.size * (b.paths.length - 1) - a.size * (a.paths.length - 1))
}
