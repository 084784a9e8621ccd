import type { Source } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import type { Store } from '../../content/store/index.ts'
import {
  type Descriptor,
  familiarName,
  flattenIndex,
  isIndexType,
  openIndex,
  type Platform,
  type Reference,
} from '../../oci/index.ts'
import { flow, TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'
import { type CompressedImage, readCompressed, readWhole } from '../index.ts'
import { chooseEntry } from '../rewrite/index.ts'

export interface RegistryCall {
  /** Certificates are not verified, and http is allowed. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Opens the repository of a name, to change it or to see exactly what it has. Sends nothing yet. */
export async function openRepository(host: Host, name: Reference, call: RegistryCall): Promise<Registry> {
  return open(host, name, call)
}

/** The same for reading an image: mirrors are tried first. */
export async function openSource(host: Host, name: Reference, call: RegistryCall): Promise<Registry> {
  return open(host, name, { ...call, namedBy: name.digest === undefined ? 'tag' : 'digest' })
}

async function open(
  { environment, warn, credentials: given, retryDelay }: Host,
  { registry, repository }: Reference,
  { insecure, signal, namedBy }: RegistryCall & { readonly namedBy?: 'tag' | 'digest' },
): Promise<Registry> {
  const { openRegistry } = await import('../../content/registry/index.ts')
  const own = given === undefined || !Object.hasOwn(given, registry) ? undefined : given[registry]
  const credentials = own === undefined ? undefined : { source: 'this call', ...own }
  return openRegistry(registry, { repository, environment, credentials, insecure, namedBy, signal, warn, retryDelay })
}

/** An image in a registry whose manifest and config have been read, but no layer. */
export interface RemoteImage extends CompressedImage {
  readonly name: Reference
  readonly registry: Registry
}

/**
 * Resolves a name in its registry for one platform; documents that are in the store are not downloaded again. Rejects with
 * `IMAGE_UNKNOWN`, `PLATFORM_MISSING`, `MANIFEST_UNSUPPORTED`, and the errors of a registry.
 */
export async function readRemote(
  { store }: Host,
  registry: Registry,
  name: Reference,
  platform: Platform,
  known?: Descriptor,
): Promise<RemoteImage> {
  const root = known ?? (await registry.resolve(name))
  if (root === undefined) throw unknownImage(name, registry.mirrorsSaid)
  const source = documentsFirst(store, registry)
  const shown = familiarName(name)
  const above: Buffer[] = []
  const read = async (blob: Descriptor) => {
    const bytes = await readWhole(source, blob, `the index of ${shown}`)
    above.push(bytes)
    return bytes
  }
  let blob = root
  if (isIndexType(root.mediaType)) {
    const index = openIndex(await read(root), `the index of ${shown}`)
    const entries = await flattenIndex(index, read, `the index of ${shown}`)
    blob = (await chooseEntry(source, entries, platform, shown)).blob
  }
  const image = await readCompressed(source, blob, shown, root, above)
  return { ...image, name, registry, source: registry }
}

/** The registry, except for documents that the store has intact. */
function documentsFirst(store: Store, registry: Registry): Source {
  return {
    resolve: (name) => registry.resolve(name),
    open: async (blob) => {
      try {
        return flow(store.blobs.read(blob.digest))
      } catch (error) {
        if (!(error instanceof TareError)) throw error
        return registry.open(blob)
      }
    },
  }
}

/** `mirrorsSaid`: how the registry's mirrors failed. */
export function unknownImage(name: Reference, mirrorsSaid?: string): TareError {
  const mirrors = mirrorsSaid === undefined ? '' : `; mirrors failed: ${mirrorsSaid}`
  return new TareError(
    'IMAGE_UNKNOWN',
    `there is no image ${familiarName(name)} in the registry ${name.registry}, or you have no access${mirrors}`,
    {
      remedy: `Check the name and the tag; for a private repository, \`tare login${name.registry === 'docker.io' ? '' : ` ${name.registry}`}\` first.`,
    },
  )
}
