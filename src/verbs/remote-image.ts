import type { Registry } from '../content/registry/index.ts'
import { decompress } from '../files/compression/index.ts'
import {
  type Descriptor,
  documentLimit,
  familiarName,
  formatPlatform,
  type ImageConfig,
  isIndexType,
  type Manifest,
  matchPlatform,
  mediaTypes,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  type Reference,
} from '../oci/index.ts'
import { collect, type Reporter, silent, TareError } from '../support/index.ts'
import { type Host, unpackLimit } from './host.ts'
import { keepImage } from './keep-image.ts'
import { placeOf, rememberOrigin, rememberOriginal } from './origins.ts'

export interface RegistryCall {
  /** Certificates are not checked, and http will do. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The repository that a name speaks of. Nothing is asked yet. */
export async function openRepository(host: Host, name: Reference, call: RegistryCall): Promise<Registry> {
  const { openRegistry } = await import('../content/registry/index.ts')
  const trusted = (host.environment['TARE_INSECURE_REGISTRIES'] ?? '').split(',').map((text) => text.trim())
  return openRegistry(name.registry, {
    repository: name.repository,
    environment: host.environment,
    insecure: call.insecure === true || trusted.includes(name.registry),
    signal: call.signal,
  })
}

/** An image of a registry, of which manifest and config are read, and no layer. */
export interface RemoteImage {
  readonly name: Reference
  readonly registry: Registry
  /** What the name points at: a manifest, or an index of them. */
  readonly root: Descriptor
  readonly blob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  readonly configBytes: Buffer
  /** Index and manifest, as they came. */
  readonly documents: readonly Buffer[]
}

/**
 * Reads what a name means in its registry, for one platform. Rejects with `IMAGE_UNKNOWN`, `PLATFORM_MISSING`,
 * `MANIFEST_UNSUPPORTED`, and with what a registry can meet.
 */
export async function readRemote(
  registry: Registry,
  name: Reference,
  platform: Platform,
  known?: Descriptor,
): Promise<RemoteImage> {
  const root = known ?? (await registry.resolve(name))
  if (root === undefined) throw unknownImage(name)
  const documents: Buffer[] = []
  const read = async (blob: Descriptor, what: string) => {
    if (blob.size > documentLimit)
      throw new TareError('MANIFEST_INVALID', `${what} is larger than ${documentLimit} bytes`)
    return collect(await registry.open(blob), documentLimit)
  }
  let blob = root
  for (let depth = 0; isIndexType(blob.mediaType); depth++) {
    if (depth === 4) throw new TareError('MANIFEST_INVALID', `the index of ${familiarName(name)} is nested too deep`)
    const bytes = await read(blob, 'the index')
    documents.push(bytes)
    blob = choosePlatform(parseIndex(bytes, `the index of ${familiarName(name)}`).manifests, platform, name)
  }
  const bytes = await read(blob, 'the manifest')
  documents.push(bytes)
  const manifest = parseManifest(bytes, `the manifest of ${familiarName(name)}`)
  refuseOthers(manifest, name)
  const configBytes = await read(manifest.config, 'the config')
  const config = parseImageConfig(configBytes, `the config of ${familiarName(name)}`)
  if (config.diffIds.length !== manifest.layers.length)
    throw new TareError(
      'CONFIG_INVALID',
      `${familiarName(name)} has ${manifest.layers.length} layers, but its config names ${config.diffIds.length}`,
    )
  return { name, registry, root, blob, manifest, config, configBytes, documents }
}

function unknownImage(name: Reference): TareError {
  return new TareError(
    'IMAGE_UNKNOWN',
    `there is no image ${familiarName(name)} in its registry, or you may not see it`,
    {
      remedy: `Check the name and the tag; for a private repository, \`tare login${name.registry === 'docker.io' ? '' : ` ${name.registry}`}\` first.`,
    },
  )
}

/** The best of an index for a platform. What is for no platform (attestations) is passed over. */
function choosePlatform(manifests: readonly Descriptor[], wanted: Platform, name: Reference): Descriptor {
  const offered = manifests.filter(({ platform }) => platform?.os !== 'unknown')
  const ranked = offered
    .map((manifest) => ({
      manifest,
      rank: manifest.platform === undefined ? 99 : matchPlatform(wanted, manifest.platform),
    }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => a.rank! - b.rank!)
  if (ranked[0] !== undefined) return ranked[0].manifest
  const there = offered.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]))
  throw new TareError('PLATFORM_MISSING', `${familiarName(name)} is not there for ${formatPlatform(wanted)}`, {
    remedy: `It is there for ${there.join(', ') || 'no platform'}: choose with --platform.`,
  })
}

const configTypes: readonly string[] = [mediaTypes.config, mediaTypes.dockerConfig]

function refuseOthers({ config, layers }: Manifest, name: Reference): void {
  const foreign = layers.find(({ mediaType }) => /foreign|nondistributable/.test(mediaType))
  if (configTypes.includes(config.mediaType) && foreign === undefined) return
  throw new TareError(
    'MANIFEST_UNSUPPORTED',
    foreign === undefined
      ? `${familiarName(name)} is no container image but ${config.mediaType}`
      : `${familiarName(name)} has layers that its registry does not hand out (${foreign.mediaType})`,
    { remedy: 'tare pulls container images with layers of their own only.' },
  )
}

export interface KeepRemoteOptions extends RegistryCall {
  readonly names: readonly Reference[]
  readonly report?: Reporter | undefined
}

// As many as skopeo takes at once.
const layersAtOnce = 6

/**
 * Takes the image into the store: each layer is checked against both digests and indexed while it comes, and rests
 * uncompressed. How it was in the registry is remembered, for a push elsewhere. Answers the manifest in the store.
 */
export async function keepRemote(host: Host, remote: RemoteImage, options: KeepRemoteOptions): Promise<Descriptor> {
  const { store } = host
  const { registry, manifest, config } = remote
  const { signal, report = silent, names } = options
  const limit = unpackLimit(host)
  const layers = manifest.layers.map((layer, i) => ({
    diffId: config.diffIds[i]!,
    expected: layer.size * 2,
    open: async () => (await decompress(reported(await registry.open(layer), layer, report), limit)).bytes,
  }))
  for (const bytes of remote.documents) store.blobs.write(bytes)
  const resting = await keepImage(
    host,
    { configBytes: remote.configBytes, layers, names: [] },
    { nameless: false, signal, atOnce: layersAtOnce },
  )
  const place = placeOf(remote.name)
  for (const [i, layer] of manifest.layers.entries()) rememberOrigin(store, config.diffIds[i]!, layer, place)
  rememberOriginal(store, resting.digest, { manifest: remote.blob, root: remote.root })
  if (names.length > 0) await store.keep(resting, names, host.now())
  return resting
}

const reportEvery = 1 << 20

async function* reported(bytes: AsyncIterable<Uint8Array>, blob: Descriptor, report: Reporter) {
  let current = 0
  let told = 0
  const tell = (done: boolean) => report({ type: 'transfer', digest: blob.digest, current, total: blob.size, done })
  tell(false)
  for await (const chunk of bytes) {
    current += chunk.length
    yield chunk
    if (current - told >= reportEvery) {
      told = current
      tell(false)
    }
  }
  tell(true)
}
