import type { Source } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import { parseReference } from '../../oci/index.ts'
import type { TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'
import { openSource, type RegistryCall } from './remote-image.ts'

/** What an image was made of where it came from: the store's copy of it where there is one, else that place's. */
export async function originalsOf(
  { store, ...rest }: Host,
  place: string | undefined,
  call: RegistryCall,
): Promise<Source & { close(): void }> {
  const registry = place === undefined ? undefined : await openSource({ store, ...rest }, parseReference(place), call)
  return {
    resolve: async () => undefined,
    open: async (blob) => {
      if (store.blobs.has(blob.digest) || registry === undefined) return store.open(blob)
      return registry.open(blob)
    },
    close: () => registry?.close(),
  }
}

/** Whether it was this registry that failed. Its errors name it, and no other does that. */
export function isOfRegistry(error: TareError, registry: Registry): boolean {
  return (
    error.code.startsWith('REGISTRY_') && [registry.host, registry.origin].some((host) => error.message.includes(host))
  )
}
