import type { PushedLayer } from '../../api/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import { compress } from '../../files/compression/index.ts'
import { spool } from '../../files/context/index.ts'
import { type Descriptor, type Digest, layerIn, mediaTypes, parseReference } from '../../oci/index.ts'
import { type Bytes, Gauge, measured, TareError, type Transfer, type TransferPhase } from '../../support/index.ts'
import type { Host } from '../index.ts'
import {
  type KnownLocation,
  locationsOf,
  rememberLocation,
  repositoryOf,
  trustedLocations,
  withinRegistry,
} from '../index.ts'
import { fetchLayer } from '../ingest/index.ts'
import { readFrom } from '../rewrite/index.ts'
import { openSource, type RegistryCall } from '../transports/index.ts'

export interface LayerPush extends RegistryCall {
  readonly registry: Registry
  readonly compression: 'gzip' | 'zstd' | 'uncompressed'
  readonly level?: number | undefined
  readonly docker: boolean
  /** Decides whether a compressed form found in a registry may be used. */
  readonly mayKeep: (location: KnownLocation) => boolean
  /** Registries that did not respond during this push, and are not tried again. Added to. */
  readonly silent: Set<string>
  /** Reports the layer's progress. */
  readonly transfer: Transfer
  /** Whether the repository is still empty. */
  readonly isEmpty: () => Promise<boolean>
}

/** A layer in the registry, and how it got there. */
export interface LayerThere extends PushedLayer {
  readonly blob: Descriptor
  /** What is known about it: whether it was verified to decompress to the layer, and whether tare can reproduce it. */
  readonly checked: boolean
  readonly ours: boolean
}

/** A layer of an image in the store. */
export interface LayerHere {
  readonly diffId: Digest
  /** Its descriptor in the manifest: uncompressed, or if it is not in the store, as in a registry. */
  readonly blob: Descriptor
}

/**
 * Makes sure the registry has the layer: already there, mounted, relayed from where others have it compressed, or compressed and
 * uploaded. `wanted` is its descriptor in the original manifest: only that will do, as long as it is available.
 */
export async function pushLayer(
  host: Host,
  layer: LayerHere,
  wanted: Descriptor | undefined,
  push: LayerPush,
): Promise<LayerThere> {
  const { store } = host
  const { registry } = push
  const { diffId } = layer
  const repository = repositoryOf({ registry: registry.host, repository: registry.repository })
  const family = push.docker ? 'docker' : 'oci'
  const there: There = (blob, how, { checked, ours }) => {
    rememberLocation(store, diffId, blob, repository, { checked, ours })
    return { diffId, digest: blob.digest, how, blob, checked, ours }
  }
  const locations =
    wanted === undefined
      ? trustedLocations(store, layer).filter(push.mayKeep)
      : locationsOf(store, diffId).filter(({ blob }) => blob.digest === wanted.digest)
  for (const location of locations) {
    const { blob, repositories } = location
    const how = await registry.mount(blob, withinRegistry(repositories, registry.host))
    if (how !== undefined) return there(layerIn(family, blob), how, location)
  }
  const isHere = layer.blob.digest === diffId && store.blobs.has(diffId)
  // What tare compressed before, it can reproduce.
  const toRelay = isHere && locations.some(({ ours }) => ours) ? [] : locations.filter(({ ours }) => !ours)
  for (const location of toRelay) {
    const how = await relay(host, location.blob, location.repositories, push)
    if (how !== undefined) return there(layerIn(family, location.blob), how, location)
  }
  return compressed(host, isHere ? layer.blob : await fetchLayer(host, layer, push), push, there)
}

/** Relays a blob from where it was pulled; returns undefined if it is no longer available. */
async function relay(
  host: Host,
  blob: Descriptor,
  places: readonly string[],
  push: LayerPush,
): Promise<PushedLayer['how'] | undefined> {
  for (const repository of places) {
    const reservation = host.store.reserve()
    try {
      if (!(await fetched(host, blob, repository, reservation.path, push))) continue
      return await uploadFile(blob, reservation.path, push)
    } finally {
      reservation.discard()
    }
  }
  return undefined
}

/** Fetches a blob from a former location; returns false if it is no longer available. */
async function fetched(
  host: Host,
  blob: Descriptor,
  repository: string,
  path: string,
  push: LayerPush,
): Promise<boolean> {
  const { signal, registry } = push
  const name = { ...parseReference(repository), digest: blob.digest }
  if (push.silent.has(name.registry)) return false
  try {
    const source = await openSource(host, name, { signal, insecure: push.insecure && name.registry === registry.host })
    try {
      await spool(path, push.transfer.watch(await source.open(blob), 'downloading', blob.size))
      return true
    } finally {
      source.close()
    }
  } catch (error) {
    if (!(error instanceof TareError) || error.code.startsWith('STORE_')) throw host.store.explain(error)
    if (error.code === 'REGISTRY_UNREACHABLE') push.silent.add(name.registry)
    return false
  }
}

type There = (
  blob: Descriptor,
  how: PushedLayer['how'],
  known: { readonly checked: boolean; readonly ours: boolean },
) => LayerThere

const made = { checked: true, ours: true }

// Smaller layers are compressed before the registry's first response would arrive.
const worthHurry = 4 << 20

async function compressed(host: Host, layer: Descriptor, push: LayerPush, there: There): Promise<LayerThere> {
  try {
    return layer.size >= worthHurry && (await push.isEmpty())
      ? await hurried(host, layer, push, there)
      : await spooled(host, layer, push, there)
  } catch (error) {
    throw host.store.explain(error)
  }
}

/** Compresses the layer to a file, since blobs the repository already has are not sent, and uploads that. */
async function spooled({ store }: Host, layer: Descriptor, push: LayerPush, there: There): Promise<LayerThere> {
  const reservation = store.reserve()
  try {
    const squeezing = new LayerCompression(store, layer, push)
    await spool(reservation.path, squeezing.bytes('compressing'), push.signal)
    const blob = squeezing.blob()
    const how = await uploadFile(blob, reservation.path, push)
    return there(blob, how, made)
  } finally {
    reservation.discard()
  }
}

/**
 * Uploads while compressing, since an empty repository has nothing yet. After a failure it compresses again, to the same bytes.
 */
async function hurried({ store }: Host, layer: Descriptor, push: LayerPush, there: There): Promise<LayerThere> {
  const ahead = await push.registry.uploadAhead()
  try {
    const squeezing = new LayerCompression(store, layer, push)
    for await (const chunk of squeezing.bytes('uploading')) {
      push.signal?.throwIfAborted()
      await ahead.write(chunk)
    }
    const blob = squeezing.blob()
    await ahead.finish(blob, {
      open: async (from) => after(from, new LayerCompression(store, layer, push).bytes('uploading')),
    })
    return there(blob, 'uploaded', made)
  } catch (error) {
    await ahead.abandon()
    throw error
  }
}

function uploadFile(blob: Descriptor, path: string, { registry, transfer }: LayerPush): Promise<PushedLayer['how']> {
  return registry.upload(blob, {
    open: async (from) => transfer.watch(readFrom(path, from), 'uploading', blob.size - from),
  })
}

const typeOf = { gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, uncompressed: mediaTypes.layer }

// More than are being compressed at a time.
const chunksHeld = 16

/** Compresses a layer of the store once. */
class LayerCompression {
  private readonly layer: Descriptor
  private readonly store: Host['store']
  private readonly push: LayerPush
  private readonly plain = new Gauge()
  private readonly packed = new Gauge()

  constructor(store: Host['store'], layer: Descriptor, push: LayerPush) {
    this.store = store
    this.layer = layer
    this.push = push
  }

  async *bytes(phase: TransferPhase): Bytes {
    const { compression, level, transfer } = this.push
    const bytes = transfer.watch(await this.store.blobs.open(this.layer, chunksHeld), phase, this.layer.size)
    const plain = measured(bytes, this.plain)
    yield* measured(compression === 'uncompressed' ? plain : compress(plain, compression, level), this.packed)
  }

  /** Returns the result after all bytes were read. Throws `BLOB_CORRUPT` if the layer is not what it should be. */
  blob(): Descriptor {
    const { compression, docker } = this.push
    refuseDamaged(this.plain.digest(), this.layer)
    const mediaType = typeOf[compression]
    return layerIn(docker ? 'docker' : 'oci', { mediaType, digest: this.packed.digest(), size: this.packed.size })
  }
}

async function* after(from: number, bytes: Bytes): Bytes {
  let skip = from
  for await (const chunk of bytes) {
    if (skip < chunk.length) yield chunk.subarray(skip)
    skip = Math.max(0, skip - chunk.length)
  }
}

function refuseDamaged(found: Digest, layer: Descriptor): void {
  if (found !== layer.digest)
    throw new TareError('BLOB_CORRUPT', `layer ${layer.digest} in the store is damaged: its digest is ${found}`, {
      remedy: 'Pull, load or build the image again.',
    })
}
