import {
  type Descriptor,
  familiarName,
  formatReference,
  normalizePlatform,
  parsePlatform,
  parseReference,
  type Reference,
} from '../oci/index.ts'
import type { Host } from './host.ts'
import { originalOf } from './origins.ts'
import { keepRemote, openRepository, readRemote } from './remote-image.ts'
import { readImage } from './stored-image.ts'
import type { PullOptions, PullResult } from './types.ts'

/** Takes an image of a registry into the store. */
export async function pull(host: Host, options: PullOptions): Promise<PullResult> {
  const { store } = host
  const asked = parseReference(options.name)
  // With a digest, the tag says nothing.
  const { tag: _, ...digested } = asked
  const name: Reference = asked.digest === undefined ? asked : digested
  const platform =
    options.platform === undefined ? host.platform : normalizePlatform(parsePlatform(options.platform, host.platform))
  const registry = await openRepository(host, name, options)
  const release = store.lease()
  try {
    const remote = await readRemote(registry, name, platform)
    const result = { name: familiarName(name), fullName: formatReference(name), digest: remote.root.digest }
    const current = currentImage(host, name)
    if (
      current !== undefined &&
      originalOf(store, current.digest)?.manifest.digest === remote.blob.digest &&
      isWhole(host, current)
    )
      return { ...result, id: remote.manifest.config.digest, current: true }
    await keepRemote(host, remote, { ...options, names: [name] })
    options.report?.({ type: 'image', id: remote.manifest.config.digest, name: result.name })
    return { ...result, id: remote.manifest.config.digest, current: false }
  } finally {
    registry.close()
    release()
  }
}

function currentImage({ store }: Host, name: Reference): Descriptor | undefined {
  const full = formatReference(name)
  return store.entries().find((entry) => entry.name !== undefined && formatReference(entry.name) === full)?.manifest
}

function isWhole({ store }: Host, root: Descriptor): boolean {
  const { config } = readImage(store, root)
  return config.diffIds.every((diffId) => store.blobs.touch(diffId))
}
