import type { Digest } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { collectGarbage, layerOfStep } from './collect-garbage.ts'
import type { Host } from './host.ts'
import { filterImages, readTime } from './images.ts'
import { sweep, take } from './remove.ts'
import { readImages } from './stored-image.ts'
import type { PruneOptions, PruneResult, Removal } from './types.ts'

/** Removes images without a name, or with `all` every image. Layers that remembered steps need stay. */
export async function prune(host: Host, { all = false, filters = [] }: PruneOptions = {}): Promise<PruneResult> {
  const wantsAll = all || filters.some((filter) => /^dangling=(?:false|0|f)$/i.test(filter))
  const rest = filters.filter((filter) => !filter.startsWith('dangling='))
  const doomed = filterImages(host, readImages(host.store, host.platform), rest).filter(
    ({ names }) => wantsAll || names.length === 0,
  )
  const removed: Removal[] = []
  for (const image of doomed) removed.push(...(await take(host, image, image.names)))
  return { removed, reclaimed: await sweep(host) }
}

/** Forgets remembered steps, and the layers that only they need. */
export async function pruneBuildCache({ store, now }: Host, { filters = [] }: PruneOptions = {}): Promise<PruneResult> {
  const before = untilOf(filters, now())
  const forgotten = new Set<Digest>()
  const bytes = await store.alone(() => {
    for (const { key, since } of store.records.all('steps')) {
      if (since >= before) continue
      const layer = layerOfStep(store, key)
      store.records.forget('steps', key)
      if (layer !== undefined) forgotten.add(layer)
    }
    for (const kind of ['latest', 'contexts'] as const)
      for (const { key, since } of store.records.all(kind)) if (since < before) store.records.forget(kind, key)
    const { removed, bytes } = collectGarbage(store)
    for (const digest of forgotten) if (!removed.includes(digest)) forgotten.delete(digest)
    for (const { key } of store.records.all('layers'))
      if (!store.blobs.has(`sha256:${key}`)) store.records.forget('layers', key)
    return bytes
  })
  return { removed: [...forgotten].map((deleted) => ({ deleted })), reclaimed: bytes }
}

function untilOf(filters: readonly string[], now: Date): number {
  let before = Number.POSITIVE_INFINITY
  for (const filter of filters) {
    const time = filter.startsWith('until=') ? readTime(filter.slice('until='.length), now) : undefined
    if (time === undefined)
      throw new TareError('FILTER_INVALID', `invalid filter "${filter}"`, {
        remedy: 'The build cache knows until=TIME: 24h, a date, or seconds since 1970.',
      })
    before = Math.min(before, time)
  }
  return before
}
