import type { CacheUsage, CacheUsageOptions, CallOptions, DiskUsageLine } from '../../api/index.ts'
import { readObjectFilters, readUsage } from '../../builder/usage/index.ts'
import type { Host } from '../../images/index.ts'
import { layersOfSteps, readImages } from '../../images/index.ts'

const cacheKinds = ['steps', 'bases', 'inspected'] as const

/**
 * Reports what the store uses on disk, and what could be freed. A blob that an image needs counts for images, whoever else needs
 * it; everything else in the store's folder counts for the cache.
 */
export async function diskUsage(host: Host, { signal }: CallOptions = {}): Promise<readonly DiskUsageLine[]> {
  const { store, platform } = host
  const images = readImages(store, platform)
  const { objects, images: ofImages, cache } = await readUsage(host, { signal })
  const mounts = objects.filter(({ type }) => type === 'exec.cachemount')
  const shared = new Set(objects.filter(({ isImages }) => isImages).map(({ id }) => id))
  const idle = [...layersOfSteps(store)].filter((digest) => !shared.has(digest))
  const reclaimable = objects.filter(({ inUse }) => !inUse).reduce((sum, { size }) => sum + size, 0)
  return [
    { type: 'Images', total: images.length, active: 0, size: ofImages, reclaimable: ofImages },
    { type: 'Containers', total: 0, active: 0, size: 0, reclaimable: 0 },
    { type: 'Local Volumes', total: 0, active: 0, size: 0, reclaimable: 0 },
    {
      type: 'Build Cache',
      total: cacheKinds.reduce((sum, kind) => sum + store.records.all(kind).length, mounts.length),
      active: store.records.all('steps').length - idle.length,
      size: cache,
      reclaimable,
    },
  ]
}

/** Reports what takes up space, part by part. */
export async function cacheUsage(host: Host, { filters = [], signal }: CacheUsageOptions = {}): Promise<CacheUsage> {
  const tests = readObjectFilters(filters, host.now())
  const { objects } = await readUsage(host, { signal, described: true })
  const shown = objects.filter((object) => tests.every((test) => test(object)))
  const sum = (all: typeof shown) => all.reduce((total, { size }) => total + size, 0)
  return {
    objects: [...shown]
      .sort((a, b) => b.size - a.size)
      .map(({ id, type, description, size, inUse, lastUsed }) => {
        return { id, type, description, size, inUse, lastUsed: new Date(lastUsed).toISOString() }
      }),
    total: sum(shown),
    reclaimable: sum(shown.filter(({ inUse }) => !inUse)),
  }
}
