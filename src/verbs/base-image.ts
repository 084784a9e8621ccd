import { resolve } from 'node:path'
import type { BaseImage, NamedContext } from '../build/plan/index.ts'
import { Store } from '../content/store/index.ts'
import { formatReference, isDigest, isIndexType, type Platform, parseReference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { entryNamed, readImage, type StoredImage } from './stored-image.ts'

/** The image of that name in the store, as a base. Throws `BASE_UNKNOWN`, `REFERENCE_INVALID`. */
export function resolveBase({ store }: Host, name: string, platform: Platform): BaseImage {
  const reference = parseReference(name)
  const root = entryNamed(store.entries(), reference)?.manifest
  if (root === undefined) {
    throw new TareError(
      'BASE_UNKNOWN',
      `${name}: there is no image ${formatReference(reference)} in the store, and pulling from a registry is not supported yet`,
      {
        remedy:
          '`tare load` it from an archive (docker save, skopeo copy … docker-archive:…), or `tare import` a root filesystem under that name.',
      },
    )
  }
  return baseOf(readImage(store, root, platform), name)
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
 * What `--build-context name=value` means. A folder is opened by the caller. Throws `CONTEXT_INVALID` for a kind that is
 * not known, and `REMOTE_UNSUPPORTED`.
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
      throw new TareError('REMOTE_UNSUPPORTED', `the context ${name}=${value} is remote, which is not supported yet`, {
        remedy: 'Fetch it before the build and name the folder.',
      })
    default:
      throw new TareError('CONTEXT_INVALID', `the context ${name}=${value} is of a kind that is not known: ${scheme}`, {
        remedy: 'Use a folder, docker-image://NAME, oci-layout://PATH[:TAG|@DIGEST] or target:STAGE.',
      })
  }
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
