import type { Source } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import { parseReference } from '../../oci/index.ts'
import type { TareError } from '../../support/index.ts'
import type { Host } from '../index.ts'
import { openSource, type RegistryCall } from './remote-image.ts'

/** Returns a source for an image's original documents: the store if it has them, otherwise where the image came from. */
export async function originalsOf(
  { store, ...rest }: Host,
  repository: string | undefined,
  call: RegistryCall,
): Promise<Source & { close(): void }> {
  const registry =
    repository === undefined ? undefined : await openSource({ store, ...rest }, parseReference(repository), call)
  return {
    resolve: async () => undefined,
    open: async (blob) => {
      if (store.blobs.has(blob.digest) || registry === undefined) return store.open(blob)
      return registry.open(blob)
    },
    close: () => registry?.close(),
  }
}

/** Whether the error comes from this registry, which only its own errors name. */
export function isOfRegistry(error: TareError, registry: Registry): boolean {
  return (
    error.code.startsWith('REGISTRY_') && [registry.host, registry.origin].some((host) => error.message.includes(host))
  )
}
