import type { PullOptions, PullResult } from '../../api/index.ts'
import {
  type Descriptor,
  familiarName,
  formatPlatform,
  formatReference,
  isIndexType,
  matchPlatform,
  normalizePlatform,
  type Platform,
  parseIndex,
  parsePlatform,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'
import { pulledAsOfEntry, readImage, repositoryOf } from '../index.ts'
import { openSource, type RemoteImage, readRemote, unknownImage } from '../transports/index.ts'
import { ingestCompressed, ingestIndex } from './ingest-layers.ts'

/** Pulls an image from a registry into the store. */
export async function pullImage(host: Host, options: PullOptions): Promise<PullResult> {
  const asked = parseReference(options.name)
  // With a digest, the tag is ignored.
  const { tag: _, ...digested } = asked
  const name: Reference = asked.digest === undefined ? asked : digested
  if (options.allPlatforms === true && options.platform !== undefined)
    throw new TareError('OPTION_INVALID', '--platform and --all-platforms cannot be combined', {
      remedy: 'Use one of them.',
    })
  const release = host.store.lease()
  try {
    return await (options.allPlatforms === true ? pullIndex(host, name, options) : pullOne(host, name, options))
  } finally {
    release()
  }
}

async function pullOne(host: Host, name: Reference, options: PullOptions): Promise<PullResult> {
  const platform =
    options.platform === undefined ? host.platform : normalizePlatform(parsePlatform(options.platform, host.platform))
  const registry = await openSource(host, name, options)
  try {
    const remote = await readRemote(host, registry, name, platform)
    const result = { ...shown(name), digest: remote.root.digest, id: remote.manifest.config.digest, skipped: [] }
    warnOfPlatform(remote, platform, options)
    if (currentImage(host, name, remote.blob) !== undefined) return { ...result, upToDate: true }
    await ingestCompressed(host, remote, { ...options, names: [name], repository: repositoryOf(name) })
    options.report?.({ type: 'image', id: result.id, name: result.name })
    return { ...result, upToDate: false }
  } finally {
    registry.close()
  }
}

async function pullIndex(host: Host, name: Reference, options: PullOptions): Promise<PullResult> {
  const registry = await openSource(host, name, options)
  try {
    const root = await registry.resolve(name)
    if (root === undefined) throw unknownImage(name, registry.mirrorsSaid)
    if (!isIndexType(root.mediaType)) return await pullOne(host, name, options)
    const result = { ...shown(name), digest: root.digest }
    const current = currentImage(host, name, root)
    if (current !== undefined)
      return { ...result, id: readImage(host.store, current, host.platform).id, skipped: [], upToDate: true }
    const call = { ...options, names: [name], repository: repositoryOf(name) }
    const { stored, skipped } = await ingestIndex(host, registry, root, result.name, call)
    const { id } = readImage(host.store, stored, host.platform)
    options.report?.({ type: 'image', id, name: result.name })
    return { ...result, id, skipped, upToDate: false }
  } finally {
    registry.close()
  }
}

/** An image without an index may have any platform. Docker accepts it too, with a warning. */
function warnOfPlatform({ root, name, config }: RemoteImage, wanted: Platform, { report }: PullOptions): void {
  if (isIndexType(root.mediaType) || matchPlatform(wanted, config.platform) !== undefined) return
  const message = `${familiarName(name)} is for ${formatPlatform(config.platform)} only, not for ${formatPlatform(wanted)}`
  report?.({ type: 'warning', rule: 'InvalidImagePlatform', message })
}

function shown(name: Reference): { readonly name: string; readonly fullName: string } {
  return { name: familiarName(name), fullName: formatReference(name) }
}

/** Returns the stored image of that name, if it is complete and was pulled as this one. */
function currentImage(host: Host, name: Reference, { digest }: Descriptor): Descriptor | undefined {
  const { store } = host
  const full = formatReference(name)
  const entry = store.entries().find((one) => one.name !== undefined && formatReference(one.name) === full)
  const isSame = entry !== undefined && pulledAsOfEntry(store, entry)?.manifest.digest === digest
  return isSame && isWhole(host, entry.manifest) ? entry.manifest : undefined
}

function isWhole(host: Host, root: Descriptor): boolean {
  const { store } = host
  if (!store.blobs.touch(root.digest)) return false
  if (isIndexType(root.mediaType))
    return parseIndex(store.blobs.read(root.digest), root.digest).manifests.every((child) => isWhole(host, child))
  const { config } = readImage(store, root)
  return config.diffIds.every((diffId) => store.blobs.touch(diffId))
}
