import type { Source } from '../../content/index.ts'
import { readImageConfig, readWhole } from '../../images/index.ts'
import {
  type Descriptor,
  type Digest,
  goJson,
  indexJson,
  isIndexType,
  isManifestType,
  manifestJson,
  mediaTypes,
  parseIndex,
  parseManifest,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type CacheDocument, cacheConfigType, readDocument, writeDocument } from './document.ts'
import { readInline } from './inline.ts'
import { type FoundCache, NoCache } from './storage.ts'

const buildkitType = 'application/vnd.buildkit.cacheconfig.v0'
const buildkitInline = 'moby.buildkit.cache.v0'

/** Reads the cache of a manifest or an index: one of its own, or within an image. Rejects with `NoCache`. */
export async function readCache(source: Source, root: Descriptor): Promise<FoundCache> {
  const bytes = await readWhole(source, root, 'the manifest of the cache')
  if (isIndexType(root.mediaType)) return readFromIndex(source, root, bytes)
  if (!isManifestType(root.mediaType)) throw foreign(root.mediaType)
  const manifest = parseManifest(bytes, 'the manifest of the cache')
  const { mediaType } = manifest.config
  if (mediaType === cacheConfigType)
    return { document: await readConfig(source, manifest.config), manifest: root.digest }
  if (mediaType === buildkitType) throw isBuildKits()
  const config = await readImageConfig(source, manifest)
  if (config === undefined) throw foreign(mediaType)
  return { document: inlineOf(config, manifest.layers) }
}

async function readFromIndex(source: Source, root: Descriptor, bytes: Buffer): Promise<FoundCache> {
  const { manifests } = parseIndex(bytes, 'the index of the cache')
  const config = manifests.find(({ mediaType }) => mediaType === cacheConfigType)
  if (config !== undefined) return { document: await readConfig(source, config), manifest: root.digest }
  if (manifests.some(({ mediaType }) => mediaType === buildkitType)) throw isBuildKits()
  return readInlines(source, manifests)
}

// More platforms than any image has.
const mostImages = 32

/** An image for several platforms has a cache in each of its configs. */
async function readInlines(source: Source, manifests: readonly Descriptor[]): Promise<FoundCache> {
  const images = manifests.filter(({ mediaType, platform }) => isManifestType(mediaType) && platform?.os !== 'unknown')
  const found: CacheDocument[] = []
  let why: NoCache | undefined
  for (const image of images.slice(0, mostImages))
    try {
      found.push((await readCache(source, image)).document)
    } catch (error) {
      if (!(error instanceof NoCache)) throw error
      why = error
    }
  if (found.length === 0) throw why ?? foreign('an index without images')
  return { document: { steps: found.flatMap(({ steps }) => steps), mounts: [], replaced: [] } }
}

function inlineOf(config: Buffer, layers: readonly Descriptor[]): CacheDocument {
  const raw = jsonOf(config)
  const found = readInline(raw, layers)
  if (found !== undefined) return found
  if (raw[buildkitInline] !== undefined)
    throw new NoCache(
      `it is an image with a cache of BuildKit (${buildkitInline}), which only BuildKit can read`,
      false,
    )
  throw new NoCache('it is an image without a cache; --cache-to type=inline puts one into it', false)
}

function jsonOf(bytes: Buffer): Record<string, unknown> {
  try {
    return (JSON.parse(bytes.toString('utf8')) ?? {}) as Record<string, unknown>
  } catch {
    throw new NoCache('it is an image with a damaged config', false)
  }
}

async function readConfig(source: Source, config: Descriptor): Promise<CacheDocument> {
  const bytes = await readWhole(source, config, 'the config of the cache')
  try {
    return readDocument(bytes)
  } catch (error) {
    throw new NoCache(`it is damaged: ${(error as Error).message}`, true)
  }
}

function isBuildKits(): NoCache {
  return new NoCache(`it is a cache of BuildKit (${buildkitType}), which only BuildKit can read`, true)
}

function foreign(what: string): NoCache {
  return new NoCache(`it is no cache, but ${what}`, false)
}

/** Why an error keeps a cache from being used. */
export function whyUnusable(error: unknown): string {
  if (error instanceof NoCache) return error.message
  if (!(error instanceof TareError)) throw error
  if (/^(?:BLOB_CORRUPT|MANIFEST_|DESCRIPTOR_|DIGEST_|JSON_|CONFIG_)/.test(error.code))
    return `it is damaged: ${error.message}`
  if (error.code === 'BLOB_MISSING') return `it is incomplete: ${error.message}`
  return error.message
}

export interface ManifestForm {
  /** False: an index that lists the layers. */
  readonly imageManifest: boolean
  readonly ociMediaTypes: boolean
}

/** The documents of a cache: its config, and what lists the config and the layers. */
export interface CacheDocuments {
  readonly config: { readonly blob: Descriptor; readonly bytes: Buffer }
  readonly root: { readonly blob: Descriptor; readonly bytes: Buffer }
}

export function writeCache(
  document: CacheDocument,
  { imageManifest, ociMediaTypes }: ManifestForm,
  digestOf: (bytes: Uint8Array) => Digest,
): CacheDocuments {
  const described = (mediaType: string, bytes: Buffer) => ({
    blob: { mediaType, digest: digestOf(bytes), size: bytes.length },
    bytes,
  })
  const config = described(cacheConfigType, writeDocument(document))
  const layers = [...new Map([...document.steps, ...document.mounts].map(({ blob }) => [blob.digest, blob])).values()]
  if (imageManifest) {
    const mediaType = ociMediaTypes ? mediaTypes.manifest : mediaTypes.dockerManifest
    const json = manifestJson({ mediaType, config: config.blob, layers })
    return { config, root: described(mediaType, Buffer.from(goJson(json, 2))) }
  }
  const mediaType = ociMediaTypes ? mediaTypes.index : mediaTypes.dockerList
  const json = indexJson({ mediaType, manifests: [...layers, config.blob] })
  return { config, root: described(mediaType, Buffer.from(goJson(json, 2))) }
}
