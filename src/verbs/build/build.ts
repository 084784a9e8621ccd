import type { BuildOptions, BuildResult } from '../../api/index.ts'
import { BuildRun } from '../../builder/index.ts'
import { cacheLimit, limitCache } from '../../builder/usage/index.ts'
import type { Host } from '../../images/index.ts'
import { ticks } from '../../support/index.ts'

/** Builds an image from a Dockerfile and makes its outputs. */
export async function build(host: Host, options: BuildOptions): Promise<BuildResult> {
  const begun = ticks()
  // Better now than after the work.
  const limit = cacheLimit(host)
  const before = host.store.added
  const building = new BuildRun(host, options)
  const release = host.store.lease()
  try {
    await building.caches.begin()
    const planned = await building.plan()
    const images = await building.makeAll(planned)
    options.signal?.throwIfAborted()
    const image = await building.finish(planned, images)
    await options.onImage?.(image)
    await building.caches.export()
    // Measuring the store takes as long as a build that adds nothing to it.
    if (host.store.added > before) await limitCache(host, limit, ticks() - begun)
    return image
  } finally {
    // On a full disk, closing fails as well.
    await building.close().finally(release)
  }
}
