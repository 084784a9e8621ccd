import { closeSync, openSync, readSync } from 'node:fs'
import type { Registry } from '../content/registry/index.ts'
import { gzipBlocks } from '../files/compression/index.ts'
import { spool } from '../files/context/index.ts'
import { type Descriptor, type Digest, mediaTypes, parseReference } from '../oci/index.ts'
import { type Bytes, Gauge, measured, TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { originsOf, placeOf, rememberOrigin } from './origins.ts'
import { openRepository, type RegistryCall } from './remote-image.ts'
import type { PushedLayer } from './types.ts'

export interface LayerPush extends RegistryCall {
  readonly registry: Registry
  readonly level: number
  readonly docker: boolean
}

/** A layer in the registry, and how it came there. */
export interface LayerThere extends PushedLayer {
  readonly blob: Descriptor
}

/**
 * Sees to it that the registry has the layer: as it is known to be there, by a mount, or compressed and sent. `wanted` is
 * how a manifest names it that was pulled; it is fetched from where it was then, and compressed anew only when it is gone.
 */
export async function pushLayer(
  host: Host,
  layer: Descriptor,
  wanted: Descriptor | undefined,
  push: LayerPush,
): Promise<LayerThere> {
  const { store } = host
  const { registry } = push
  const diffId = layer.digest
  const place = placeOf({ registry: registry.host, repository: registry.repository })
  const there = (blob: Descriptor, how: PushedLayer['how'], ours: boolean): LayerThere => {
    rememberOrigin(store, diffId, blob, place, ours)
    return { diffId, digest: blob.digest, how, blob }
  }
  const origins = originsOf(store, diffId).filter(({ blob }) => wanted === undefined || blob.digest === wanted.digest)
  for (const { blob, places } of origins) {
    const how = await registry.mount(blob, repositoriesOf(places, registry.host))
    if (how !== undefined) return there(typed(wanted ?? blob, push.docker && wanted === undefined), how, false)
  }
  const foreign = wanted !== undefined && !origins.some(({ ours }) => ours) ? origins[0] : undefined
  if (foreign !== undefined) {
    const how = await relay(host, foreign.blob, foreign.places, push)
    if (how !== undefined) return there(wanted!, how, false)
  }
  return compressed(host, layer, push, there)
}

function repositoriesOf(places: readonly string[], registry: string): string[] {
  return places.flatMap((place) => (place.startsWith(`${registry}/`) ? [place.slice(registry.length + 1)] : []))
}

/** The same blob under the other family's media type. */
function typed(blob: Descriptor, docker: boolean): Descriptor {
  if (!blob.mediaType.endsWith('gzip')) return blob
  return { ...blob, mediaType: docker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip }
}

/** Sends a blob on from where it was pulled; undefined where it cannot be had any more. */
async function relay(
  host: Host,
  blob: Descriptor,
  places: readonly string[],
  push: LayerPush,
): Promise<PushedLayer['how'] | undefined> {
  for (const place of places) {
    const source = await openRepository(host, parseReference(place), { signal: push.signal })
    const reservation = host.store.reserve()
    try {
      await spool(reservation.path, await source.open(blob))
      return await push.registry.upload(blob, { open: async (from) => readFrom(reservation.path, from) })
    } catch (error) {
      if (!(error instanceof TareError) || error.message.includes(push.registry.host)) throw error
    } finally {
      reservation.discard()
      source.close()
    }
  }
  return undefined
}

async function compressed(
  { store }: Host,
  layer: Descriptor,
  push: LayerPush,
  there: (blob: Descriptor, how: PushedLayer['how'], ours: boolean) => LayerThere,
): Promise<LayerThere> {
  const reservation = store.reserve()
  try {
    const plain = new Gauge()
    const packed = new Gauge()
    const source = measured(await store.open(layer), plain)
    await spool(reservation.path, measured(gzipBlocks(source, push.level), packed), push.signal)
    refuseDamaged(plain.digest(), layer)
    const mediaType = push.docker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip
    const blob = { mediaType, digest: packed.digest(), size: packed.size }
    const how = await push.registry.upload(blob, { open: async (from) => readFrom(reservation.path, from) })
    return there(blob, how, true)
  } catch (error) {
    throw store.explain(error)
  } finally {
    reservation.discard()
  }
}

function refuseDamaged(found: Digest, layer: Descriptor): void {
  if (found !== layer.digest)
    throw new TareError('BLOB_CORRUPT', `the layer ${layer.digest} in the store is damaged: it is ${found}`, {
      remedy: 'Pull, load or build the image again.',
    })
}

async function* readFrom(path: string, from: number): Bytes {
  const fd = openSync(path, 'r')
  try {
    for (let at = from; ; ) {
      const chunk = Buffer.allocUnsafe(256 << 10)
      const count = readSync(fd, chunk, 0, chunk.length, at)
      if (count === 0) return
      at += count
      yield chunk.subarray(0, count)
    }
  } finally {
    closeSync(fd)
  }
}
