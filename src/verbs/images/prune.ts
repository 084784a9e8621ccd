import { setImmediate as takeTurn } from 'node:timers/promises'
import type { PruneOptions, PruneResult, Removal } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { type NamedImage, readFilters, readImages, summaries, sweep, takeNames } from '../../images/index.ts'

/** Removes unnamed images, or with `all` every image. Layers of cached steps are kept. */
export async function prune(
  host: Host,
  { all = false, filters = [], signal }: PruneOptions = {},
): Promise<PruneResult> {
  const found = readImages(host.store, host.platform)
  const { dangling = true, matches, names } = readFilters(filters, host, found)
  const isMeant = (image: NamedImage) => matches(image) && summaries(host.store, image).some(names)
  const doomed = found.filter((image) => (all || !dangling || image.names.length === 0) && isMeant(image))
  const removed: Removal[] = []
  for (const image of doomed) {
    await takeTurn()
    signal?.throwIfAborted()
    removed.push(...(await takeNames(host, image, image.names)))
  }
  return { removed, reclaimed: await sweep(host) }
}
