import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NamedContext as GivenContext } from '../../api/index.ts'
import { Store, type StoreEntry } from '../../content/store/index.ts'
import type { Host } from '../../images/index.ts'
import { entryNamed, readImage, repositoriesWith, type StoredImage } from '../../images/index.ts'
import {
  choosePlatform,
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  isAttestation,
  isIndexType,
  normalizePlatform,
  type Platform,
  parseIndex,
  type Reference,
  refuseTower,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type BaseImage, contextKey, type PlannedContext } from '../plan/index.ts'

/** An image of the store as a base for a platform. */
export interface StoredBase {
  readonly base: BaseImage
  /** Whether it is for exactly that platform, rather than one whose programs also run there. */
  readonly isMeant: boolean
  readonly entry: StoreEntry
}

/** Returns the store's image of that name as a base; undefined if there is none for the platform. */
export function storedBase(store: Store, name: Reference, platform: Platform): StoredBase | undefined {
  const entry = entryNamed(store, name)
  if (entry === undefined) return undefined
  const images = offeredBy(store, entry)
  const isIndex = isIndexType(entry.manifest.mediaType)
  const best = choosePlatform(platform, images, (offer) => offer.platform)?.offer
  // From an index, the registry would choose the same.
  const isMeant = best !== undefined && (isIndex || isSamePlatform(platform, best.platform))
  if (best === undefined || !store.blobs.has(best.blob.digest)) return undefined
  const base = baseOf(readImage(store, best.blob), formatReference(name))
  // A layer's media type shows if it is still in a registry; for uncompressed ones it must be checked.
  const missing = base.layers.filter(({ diffId }) => !store.blobs.has(diffId))
  const fetchable =
    missing.length > 0 && missing.every(({ blob, diffId }) => repositoriesWith(store, diffId, blob.digest).length > 0)
  return { base: { ...base, fetchable }, isMeant, entry }
}

/** Returns the platforms for which the store has an image of that name. */
export function storedPlatforms(store: Store, name: Reference): readonly string[] {
  const entry = entryNamed(store, name)
  const images = entry === undefined ? [] : offeredBy(store, entry)
  return [
    ...new Set(images.filter(({ blob }) => store.blobs.has(blob.digest)).map((one) => formatPlatform(one.platform))),
  ]
}

interface Offer {
  readonly blob: Descriptor
  readonly platform: Platform
}

/** Returns an index's images with their platforms, including nested indexes, each visited once; or the single image. */
function offeredBy(store: Store, { manifest }: Pick<StoreEntry, 'manifest'>): readonly Offer[] {
  if (!isIndexType(manifest.mediaType))
    return [{ blob: manifest, platform: readImage(store, manifest).config.platform }]
  const walked = new Set<Digest>()
  const visit = ({ digest }: Descriptor, depth: number): readonly Offer[] => {
    refuseTower(depth, `the index ${manifest.digest}`)
    if (walked.has(digest)) return []
    walked.add(digest)
    return parseIndex(store.blobs.read(digest), `index ${digest}`).manifests.flatMap((blob): readonly Offer[] => {
      if (isAttestation(blob)) return []
      if (isIndexType(blob.mediaType)) return store.blobs.has(blob.digest) ? visit(blob, depth + 1) : []
      if (blob.platform !== undefined) return [{ blob, platform: blob.platform }]
      return store.blobs.has(blob.digest) ? [{ blob, platform: readImage(store, blob).config.platform }] : []
    })
  }
  return visit(manifest, 0)
}

/** Whether an image is for exactly that platform: the same architecture, and the variant if there is one. */
function isSamePlatform(wanted: Platform, offered: Platform): boolean {
  const [one, other] = [normalizePlatform(wanted), normalizePlatform(offered)]
  const isVariant = other.variant === undefined || other.variant === one.variant
  return one.os === other.os && one.architecture === other.architecture && isVariant
}

function baseOf(image: StoredImage, name: string): BaseImage {
  const { manifest, config, blob } = image
  if (manifest.layers.length !== config.diffIds.length)
    throw new TareError(
      'BASE_INVALID',
      `image ${name} has ${manifest.layers.length} layers, but ${config.diffIds.length} diff_ids`,
    )
  return {
    manifest: blob,
    config,
    layers: manifest.layers.map((layer, i) => ({ blob: layer, diffId: config.diffIds[i]! })),
  }
}

/** Parses the named contexts, by their keys in plans. Throws `CONTEXT_INVALID`. */
export function readNamedContexts(
  host: Host,
  contexts: Readonly<Record<string, GivenContext>>,
): ReadonlyMap<string, PlannedContext> {
  return new Map(
    Object.entries(contexts).map(([name, value]) => [keyOfContext(name), readNamedContext(host, name, value)]),
  )
}

function keyOfContext(name: string): string {
  try {
    return contextKey(name)
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    const { remedy } = error
    throw new TareError('CONTEXT_INVALID', `invalid context name "${name}": ${error.message}`, { cause: error, remedy })
  }
}

/** What a named context means to a plan. A directory or an address is opened by the caller. */
function readNamedContext(host: Host, name: string, context: GivenContext): PlannedContext {
  switch (context.kind) {
    case 'directory':
    case 'remote':
      return { kind: 'files' }
    case 'image':
      return context.name === 'scratch' ? { kind: 'scratch' } : { kind: 'image', name: context.name }
    case 'layout':
      return { kind: 'image', name, load: (platform) => loadLayout(host, context, platform) }
    case 'stage':
      return { kind: 'target', stage: context.name }
  }
}

/** Copies an image of an OCI layout on disk to the store without a name, so that it can be built upon. */
async function loadLayout(
  host: Host,
  { path, tag, digest }: Extract<GivenContext, { kind: 'layout' }>,
  platform: Platform,
): Promise<BaseImage> {
  const place = `${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
  if (!['oci-layout', 'index.json'].some((name) => existsSync(join(resolve(path), name))))
    throw new TareError('BASE_UNKNOWN', `there is no OCI layout at ${path}`, {
      remedy: 'Name a folder that has oci-layout and index.json; a relative path is relative to the working directory.',
    })
  const layout = new Store(resolve(path))
  const entries = layout.entries()
  const named = (text: string) =>
    entries.find(({ refName, name }) => refName === text || (name !== undefined && name.tag === text))
  const entry =
    digest !== undefined
      ? entries.find(({ manifest }) => manifest.digest === digest)
      : tag !== undefined
        ? named(tag)
        : (named('latest') ?? entries[0])
  if (entry === undefined)
    throw new TareError('BASE_UNKNOWN', `there is no such image in the OCI layout ${place}`, {
      remedy: `It contains ${entries.map(({ refName, manifest }) => refName ?? manifest.digest).join(', ') || 'none'}.`,
    })
  const offers = offeredBy(layout, entry)
  const best = isIndexType(entry.manifest.mediaType)
    ? choosePlatform(platform, offers, (offer) => offer.platform)?.offer
    : offers[0]
  if (best === undefined)
    throw new TareError('PLATFORM_MISSING', `the OCI layout ${place} has no image for ${formatPlatform(platform)}`, {
      remedy: `It has images for ${offers.map((offer) => formatPlatform(offer.platform)).join(', ') || 'no platform'}.`,
    })
  const base = await importLayers(host, layout, readImage(layout, best.blob), place)
  return { ...base, layoutDigest: entry.manifest.digest }
}

async function importLayers(host: Host, layout: Store, image: StoredImage, place: string): Promise<BaseImage> {
  const { ingestImage } = await import('../../images/ingest/index.ts')
  const { decompress } = await import('../../files/compression/index.ts')
  const { manifest, config } = image
  const layers = manifest.layers.map((layer, i) => ({
    diffId: config.diffIds[i]!,
    open: async () => (await decompress(await layout.open(layer))).bytes,
  }))
  const kept = await ingestImage(
    host,
    { configBytes: layout.blobs.read(manifest.config.digest), layers, names: [] },
    { nameless: false },
  )
  return baseOf(readImage(host.store, kept), place)
}
