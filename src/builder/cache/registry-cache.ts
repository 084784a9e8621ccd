import type { CacheDestination, RegistryCache } from '../../api/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import { type Host, repositoryOf } from '../../images/index.ts'
import { openRepository, openSource } from '../../images/transports/index.ts'
import { type Descriptor, familiarName, mediaTypes, parseReference, type Reference } from '../../oci/index.ts'
import { flow, type Reporter, sha256, silent, startTransfer } from '../../support/index.ts'
import { readCache, writeCache } from './cache-manifest.ts'
import { type CacheReader, type CacheWriter, NoCache } from './storage.ts'

export interface CacheCall {
  readonly signal?: AbortSignal | undefined
  readonly report?: Reporter | undefined
}

/** Opens a cache in a registry for reading. Throws `REFERENCE_INVALID`. */
export async function openRegistryCache(
  host: Host,
  { ref, insecure }: RegistryCache,
  { signal }: CacheCall,
): Promise<CacheReader> {
  const name = parseReference(ref)
  const registry = await openSource(host, name, { insecure, signal })
  return {
    label: familiarName(name),
    repository: repositoryOf(name),
    read: () => readFrom(registry, name),
    open: (blob) => registry.open(blob),
    has: (blob) => registry.has(blob),
    close: async () => registry.close(),
  }
}

/** Opens a reference of a registry to write a cache there. Throws `REFERENCE_INVALID`. */
export async function openRegistryTarget(
  host: Host,
  options: Extract<CacheDestination, { type: 'registry' }>,
  call: CacheCall,
): Promise<CacheWriter> {
  const { insecure, ref, compression = 'gzip', compressionLevel: level } = options
  const { imageManifest = true, ociMediaTypes = true } = options
  const { signal, report = silent } = call
  const name = parseReference(ref)
  const registry = await openRepository(host, name, { insecure, signal })
  const shared = { silent: new Set<string>(), isEmpty: async () => false, mayKeep: () => true }
  return {
    label: familiarName(name),
    read: () => readFrom(registry, name),
    store: async ({ diffId, blob }) => {
      const { pushLayer } = await import('../../images/push/index.ts')
      const transfer = startTransfer(diffId, blob.size, report, 'uploading')
      const there = await pushLayer(host, { diffId, blob }, undefined, {
        ...{ ...shared, registry, compression, level, docker: !ociMediaTypes, signal, insecure, transfer },
      })
      transfer.done(there.how === 'uploaded' ? 'transferred' : there.how)
      return there.blob
    },
    put: async (blob, open) => {
      await registry.put(blob, async () => open())
    },
    write: async (document) => {
      const { config, root } = writeCache(document, { imageManifest, ociMediaTypes }, sha256)
      await registry.put(config.blob, async () => flow(config.bytes))
      await registry.put(root.blob, async () => flow(root.bytes))
      await registry.tag(name, root.blob)
      return root.blob.digest
    },
    remove: (digest) => registry.remove({ mediaType: mediaTypes.manifest, digest, size: 0 }),
    close: async () => registry.close(),
  }
}

async function readFrom(registry: Registry, name: Reference) {
  const root: Descriptor | undefined = await registry.resolve(name)
  if (root === undefined) throw new NoCache('there is none', true)
  return readCache(registry, root)
}
