import { onTestFinished } from 'vitest'
import { openRegistry, type Registry, type RegistryOptions } from '../../src/content/registry/index.ts'
import { type Descriptor, mediaTypes } from '../../src/oci/index.ts'
import { BadRegistry, type BadRegistryOptions, digestOf, type Interference } from './bad-registry.ts'

// A registry that misbehaves, and ours of it that has little patience.

/** For as long as the test runs. */
export async function startBad(options: BadRegistryOptions = {}): Promise<BadRegistry> {
  const registry = await BadRegistry.start(options)
  onTestFinished(() => registry.stop())
  return registry
}

export function openBad(registry: BadRegistry, options: Partial<RegistryOptions> = {}): Registry {
  return openRegistry(registry.host, { repository: 'app', retryDelay: 5, idleTimeout: 10_000, ...options })
}

/** Interferes with the first `times` requests that begin so. */
export function first(times: number, beginning: string, interfere: Interference): Interference {
  let left = times
  return (request, response, registry) =>
    `${request.method} ${request.url}`.startsWith(beginning) && left-- > 0
      ? interfere(request, response, registry)
      : undefined
}

/** A blob that is more than a socket takes at once. */
export const bytes = Buffer.alloc(3_000_000, 'all the bytes of a layer, ')
export const layer: Descriptor = { mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length }
export const ada = { source: 'the test', user: 'ada', password: 'secret' }
