import type { CallOptions, DiskUsageLine } from '../../api/index.ts'
import { runStorage } from '../../builder/session/index.ts'
import type { Host } from '../../images/index.ts'
import { blobsOfImages, layersOfSteps, readImages } from '../../images/index.ts'

const cacheKinds = ['steps', 'bases', 'inspected'] as const

/**
 * Reports what the store uses on disk, and what could be freed. A blob that an image needs counts for images, whoever else needs
 * it.
 */
export async function diskUsage(host: Host, { signal }: CallOptions = {}): Promise<readonly DiskUsageLine[]> {
  const { store, platform } = host
  const kept = runStorage(host, signal)
  const mounts = await kept.caches()
  const unpacked = await kept.unpacked()
  const ofRun = mounts.reduce((sum, { size }) => sum + size, unpacked.size)
  const images = readImages(store, platform)
  const ofImages = blobsOfImages(store)
  const ofSteps = layersOfSteps(store)
  const sizes = new Map(store.blobs.all().map(({ digest, size }) => [digest, size]))
  const sum = (digests: Iterable<`sha256:${string}`>) =>
    [...digests].reduce((total, digest) => total + (sizes.get(digest) ?? 0), 0)
  const cached = [...ofSteps].filter((digest) => !ofImages.has(digest))
  const records = (['steps', 'latest', 'contexts', 'layers', 'bases'] as const)
    .flatMap((kind) => store.records.all(kind))
    .reduce((total, { size }) => total + size, 0)
  const idle = sum([...sizes.keys()].filter((digest) => !ofImages.has(digest)))
  return [
    { type: 'Images', total: images.length, active: 0, size: sum(ofImages), reclaimable: sum(ofImages) },
    { type: 'Containers', total: 0, active: 0, size: 0, reclaimable: 0 },
    { type: 'Local Volumes', total: 0, active: 0, size: 0, reclaimable: 0 },
    {
      type: 'Build Cache',
      total: cacheKinds.reduce((sum, kind) => sum + store.records.all(kind).length, mounts.length),
      active: store.records.all('steps').length - cached.length,
      size: idle + records + ofRun,
      reclaimable: idle + records + ofRun,
    },
  ]
}
