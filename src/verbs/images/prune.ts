import { setImmediate as takeTurn } from 'node:timers/promises'
import type { PruneOptions, PruneResult, Removal } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { filterImages, readFilters, readImages, sweep, takeNames } from '../../images/index.ts'

/** Removes unnamed images, or with `all` every image. Layers of cached steps are kept. */
export async function prune(
  host: Host,
  { all = false, filters = [], signal }: PruneOptions = {},
): Promise<PruneResult> {
  const wantsAll = all || filters.some((filter) => /^dangling=(?:false|0|f)$/i.test(filter))
  const found = readImages(host.store, host.platform)
  // All of them are checked; `dangling` is what `wantsAll` says already.
  readFilters(filters, host, found)
  const rest = filters.filter((filter) => !filter.startsWith('dangling='))
  const doomed = filterImages(host, found, rest).filter(({ names }) => wantsAll || names.length === 0)
  const removed: Removal[] = []
  for (const image of doomed) {
    await takeTurn()
    signal?.throwIfAborted()
    removed.push(...(await takeNames(host, image, image.names)))
  }
  return { removed, reclaimed: await sweep(host) }
}
