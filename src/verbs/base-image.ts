import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { BaseImage, NamedContext } from '../build/plan/index.ts'
import { Store } from '../content/store/index.ts'
import { isGitContext } from '../dockerfile/index.ts'
import { formatReference, isDigest, isIndexType, type Platform, parseReference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { originalOf } from './origins.ts'
import type { RegistryCall, RemoteImage } from './remote-image.ts'
import { entryNamed, readImage, type StoredImage } from './stored-image.ts'

/** A base that is in a registry: its layers are still there. */
export interface RemoteBase {
  readonly base: BaseImage
  readonly remote: RemoteImage
}

/** The image of that name in the store, as a base; undefined where there is none. Throws `REFERENCE_INVALID`. */
export function storedBase({ store }: Host, name: string, platform: Platform): BaseImage | undefined {
  const root = entryNamed(store, parseReference(name))?.manifest
  return root === undefined ? undefined : baseOf(readImage(store, root, platform), name)
}

/**
 * The image of that name in its registry, of which only manifest and config are read; undefined where the store has the
 * very same. Rejects with `BASE_UNKNOWN`.
 */
export async function remoteBase(
  host: Host,
  name: string,
  platform: Platform,
  call: RegistryCall,
): Promise<RemoteBase | undefined> {
  const { openSource, readRemote } = await import('./remote-image.ts')
  const reference = parseReference(name)
  const stored = entryNamed(host.store, reference)?.manifest
  try {
    const registry = await openSource(host, reference, call)
    const remote = await readRemote(registry, reference, platform)
    if (stored !== undefined && originalOf(host.store, stored.digest)?.manifest.digest === remote.blob.digest)
      return undefined
    const layers = remote.manifest.layers.map((blob, i) => ({ blob, diffId: remote.config.diffIds[i]! }))
    return { remote, base: { reference, manifest: remote.blob, config: remote.config, layers } }
  } catch (error) {
    if (call.signal?.aborted || !(error instanceof TareError)) throw error
    const why = stored === undefined ? `there is no image ${formatReference(reference)} in the store, and it` : 'it'
    throw new TareError('BASE_UNKNOWN', `${name}: ${why} cannot be pulled: ${error.message}`, {
      cause: error,
      remedy:
        error.remedy ?? 'Load it from an archive with `tare load`, or make it with `tare import` or `tare build -t`.',
    })
  }
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

/**
 * What `--build-context name=value` means. A folder or an address is opened by the caller. Throws `CONTEXT_INVALID` for a
 * kind that is not known.
 */
export function readNamedContext(host: Host, name: string, value: string): NamedContext {
  const [scheme, rest] = splitScheme(value)
  switch (scheme) {
    case undefined:
      return { kind: 'files' }
    case 'docker-image':
      return rest === 'scratch' ? { kind: 'scratch' } : { kind: 'image', name: rest }
    case 'oci-layout':
      return { kind: 'image', name, load: (platform) => loadLayout(host, rest, platform) }
    case 'target':
      return { kind: 'target', stage: rest }
    case 'http':
    case 'https':
    case 'git':
    case 'ssh':
      return { kind: 'files' }
    default:
      throw new TareError('CONTEXT_INVALID', `the context ${name}=${value} is of a kind that is not known: ${scheme}`, {
        remedy: 'Use a folder, docker-image://NAME, oci-layout://PATH[:TAG|@DIGEST], target:STAGE or an address.',
      })
  }
}

/** Whether `tare build`'s argument, or the value of a named context, is an address. A folder called github.com is a folder. */
export function isRemoteContext(text: string): boolean {
  if (text.startsWith('github.com/')) return !existsSync(text)
  return /^https?:\/\//i.test(text) || isGitContext(text)
}

function splitScheme(value: string): [scheme: string | undefined, rest: string] {
  if (value.startsWith('target:')) return ['target', value.slice('target:'.length)]
  const match = /^([a-z][a-z0-9+-]*):\/\/(.*)$/i.exec(value)
  return match === null ? [undefined, value] : [match[1]!.toLowerCase(), match[2]!]
}

/** Copies an image of another layout on disk into the store, nameless, so that its layers are there to build on. */
async function loadLayout(host: Host, place: string, platform: Platform): Promise<BaseImage> {
  const [, path = '', tag, digest] = /^(.*?)(?::([^:/@]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(place) ?? []
  const layout = new Store(resolve(path))
  const entries = layout.entries()
  const named = (text: string) =>
    entries.find(({ refName, name }) => refName === text || (name !== undefined && name.tag === text))
  const entry = isDigest(digest)
    ? entries.find(({ manifest }) => manifest.digest === digest)
    : tag !== undefined
      ? named(tag)
      : (named('latest') ?? entries[0])
  if (entry === undefined)
    throw new TareError('BASE_UNKNOWN', `there is no such image in the OCI layout ${place}`, {
      remedy: `It has ${entries.map(({ refName, manifest }) => refName ?? manifest.digest).join(', ') || 'none at all'}.`,
    })
  if (isIndexType(entry.manifest.mediaType))
    return importLayers(host, layout, readImage(layout, entry.manifest, platform), place)
  return importLayers(host, layout, readImage(layout, entry.manifest), place)
}

async function importLayers(host: Host, layout: Store, image: StoredImage, place: string): Promise<BaseImage> {
  const { keepImage } = await import('./keep-image.ts')
  const { decompress } = await import('../files/compression/index.ts')
  const { manifest, config } = image
  const layers = manifest.layers.map((layer, i) => ({
    diffId: config.diffIds[i]!,
    open: async () => (await decompress(await layout.open(layer))).bytes,
  }))
  const kept = await keepImage(
    host,
    { configBytes: layout.blobs.read(manifest.config.digest), layers, names: [] },
    { nameless: false },
  )
  return baseOf(readImage(host.store, kept), place)
}
