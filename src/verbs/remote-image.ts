import type { Registry } from '../content/registry/index.ts'
import {
  type Descriptor,
  familiarName,
  flattenIndex,
  isIndexType,
  openIndex,
  type Platform,
  type Reference,
} from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { chooseEntry } from './choose-platforms.ts'
import type { Host } from './host.ts'
import { type KeepOptions, keepPacked, keepWithoutLayers } from './keep-packed.ts'
import { placeOf } from './origins.ts'
import { type PackedImage, readPacked, readWhole } from './packed-image.ts'

export interface RegistryCall {
  /** Certificates are not checked, and http will do. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The repository that a name speaks of, to change it or to see what it has itself. Nothing is asked yet. */
export async function openRepository(host: Host, name: Reference, call: RegistryCall): Promise<Registry> {
  return open(host, name, call)
}

/** The same for reading an image: mirrors are asked first. */
export async function openSource(host: Host, name: Reference, call: RegistryCall): Promise<Registry> {
  return open(host, name, { ...call, namedBy: name.digest === undefined ? 'tag' : 'digest' })
}

async function open(
  { environment }: Host,
  { registry, repository }: Reference,
  { insecure, signal, namedBy }: RegistryCall & { readonly namedBy?: 'tag' | 'digest' },
): Promise<Registry> {
  const { openRegistry } = await import('../content/registry/index.ts')
  return openRegistry(registry, { repository, environment, insecure, namedBy, signal })
}

/** An image of a registry, of which manifest and config are read, and no layer. */
export interface RemoteImage extends PackedImage {
  readonly name: Reference
  readonly registry: Registry
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
  if (root === undefined) throw unknownImage(name, registry.mirrorsSaid)
  const shown = familiarName(name)
  const above: Buffer[] = []
  const read = async (blob: Descriptor) => {
    const bytes = await readWhole(registry, blob, `the index of ${shown}`)
    above.push(bytes)
    return bytes
  }
  let blob = root
  if (isIndexType(root.mediaType)) {
    const index = openIndex(await read(root), `the index of ${shown}`)
    const entries = await flattenIndex(index, read, `the index of ${shown}`)
    blob = (await chooseEntry(registry, entries, platform, shown)).blob
  }
  return { name, registry, ...(await readPacked(registry, blob, shown, root, above)) }
}

/** `mirrorsSaid`: what the mirrors of the registry answered that was asked. */
export function unknownImage(name: Reference, mirrorsSaid?: string): TareError {
  const mirrors = mirrorsSaid === undefined ? '' : `; its mirrors did not help: ${mirrorsSaid}`
  return new TareError(
    'IMAGE_UNKNOWN',
    `there is no image ${familiarName(name)} in the registry ${name.registry}, or you may not see it${mirrors}`,
    {
      remedy: `Check the name and the tag; for a private repository, \`tare login${name.registry === 'docker.io' ? '' : ` ${name.registry}`}\` first.`,
    },
  )
}

/** Gives the image its name in the store; its layers stay where they are until somebody needs them. */
export function keepRemoteWithoutLayers(host: Host, remote: RemoteImage): Promise<void> {
  return keepWithoutLayers(host, remote, { names: [remote.name], place: placeOf(remote.name) })
}

/** Takes the image into the store. Answers the manifest there. */
export function keepRemote(host: Host, remote: RemoteImage, options: KeepOptions): Promise<Descriptor> {
  return keepPacked(host, remote, { ...options, place: placeOf(remote.name) })
}
