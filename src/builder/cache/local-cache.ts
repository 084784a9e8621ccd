import { resolve } from 'node:path'
import type { CacheDestination, CacheSource } from '../../api/index.ts'
import { openLayout } from '../../content/archive/index.ts'
import { compress } from '../../files/compression/index.ts'
import { spool } from '../../files/context/index.ts'
import { type Host, locationsOf } from '../../images/index.ts'
import { readFrom } from '../../images/rewrite/index.ts'
import { type OpenedImage, openImage } from '../../images/transports/index.ts'
import { type Descriptor, mediaTypes, parseDigest } from '../../oci/index.ts'
import { flow, Gauge, measured, sha256, TareError } from '../../support/index.ts'
import { readCache, writeCache } from './cache-manifest.ts'
import type { CacheCall } from './registry-cache.ts'
import { type CacheReader, type CacheWriter, type LayerToStore, NoCache } from './storage.ts'

type LocalSource = Extract<CacheSource, { type: 'local' }>
type LocalDestination = Extract<CacheDestination, { type: 'local' }>

/** Opens a cache in a folder for reading. */
export async function openLocalCache(
  host: Host,
  { path, tag, digest }: LocalSource,
  call: CacheCall,
): Promise<CacheReader> {
  const label = tag ?? 'latest'
  const place = {
    ...{ kind: 'oci' as const, path },
    ...(digest === undefined ? { label } : { digest: parseDigest(digest, 'the digest of the cache') }),
  }
  let opened: OpenedImage | undefined
  const open = async () => {
    opened ??= await openImage(host, place, { signal: call.signal })
    return opened
  }
  return {
    label: path,
    read: async () => {
      // It may have changed since it was last read.
      await opened?.close()
      opened = undefined
      try {
        const { source, root } = await open()
        return await readCache(source, root)
      } catch (error) {
        if (!(error instanceof TareError) || !isAbsent(error)) throw error
        throw new NoCache(
          digest === undefined && tag === undefined ? 'there is none' : `there is none as ${digest ?? tag}`,
          true,
        )
      }
    },
    open: async (blob) => (await open()).source.open(blob),
    // It is opened when it is needed, and that is soon.
    has: async () => true,
    close: async () => opened?.close(),
  }
}

function isAbsent({ code }: TareError): boolean {
  return (
    code === 'ARCHIVE_MISSING' ||
    code === 'IMAGE_UNKNOWN' ||
    code === 'ARCHIVE_UNREADABLE' ||
    code === 'ARCHIVE_UNKNOWN'
  )
}

/** Opens a folder to write a cache into; it is created if missing. Rejects with `ARCHIVE_UNWRITABLE` and `CACHE_REFUSED`. */
export async function openLocalTarget(host: Host, options: LocalDestination, call: CacheCall): Promise<CacheWriter> {
  const { path, tag = 'latest' } = options
  if (resolve(path) === resolve(host.store.home))
    throw new TareError('CACHE_REFUSED', `${path} is the store itself, which is no place for a cache`, {
      remedy: 'Choose another folder.',
    })
  const layout = await openLayout(path)
  const reader = await openLocalCache(host, { type: 'local', path, tag }, call)
  return {
    label: path,
    read: () => reader.read(),
    store: async (layer) => {
      const known = locationsOf(host.store, layer.diffId).filter(({ checked, ours }) => checked && ours)
      for (const { blob } of known) if (isWanted(blob, options) && (await layout.has(blob))) return blob
      await layer.bring()
      return storeCompressed(host, layer, options, call, (blob, file) =>
        layout.put(blob, async () => readFrom(file, 0)),
      )
    },
    put: (blob, open) => layout.put(blob, async () => open()),
    write: async (document) => {
      const { config, root } = writeCache(document, { imageManifest: true, ociMediaTypes: true }, sha256)
      for (const { blob, bytes } of [config, root]) await layout.put(blob, async () => flow(bytes))
      await layout.label(tag, root.blob)
      return root.blob.digest
    },
    // Blobs of a folder may belong to other images in it.
    remove: async () => {},
    close: () => reader.close(),
  }
}

function isWanted({ mediaType }: Descriptor, { compression = 'gzip' }: LocalDestination): boolean {
  return mediaType === (compression === 'zstd' ? mediaTypes.layerZstd : mediaTypes.layerGzip)
}

/** Compresses a layer of the store to a file and passes that on. */
export async function storeCompressed(
  { store }: Host,
  { diffId }: LayerToStore,
  { compression = 'gzip', compressionLevel }: Pick<LocalDestination, 'compression' | 'compressionLevel'>,
  { signal }: CacheCall,
  keep: (blob: Descriptor, file: string) => Promise<void>,
): Promise<Descriptor> {
  const file = store.reserve()
  try {
    const plain = { mediaType: mediaTypes.layer, digest: diffId, size: store.blobs.size(diffId) ?? 0 }
    const packed = new Gauge()
    const bytes = measured(compress(await store.blobs.open(plain), compression, compressionLevel), packed)
    await spool(file.path, bytes, signal)
    const mediaType = compression === 'zstd' ? mediaTypes.layerZstd : mediaTypes.layerGzip
    const blob = { mediaType, digest: packed.digest(), size: packed.size }
    await keep(blob, file.path)
    return blob
  } catch (error) {
    throw store.explain(error)
  } finally {
    file.discard()
  }
}
