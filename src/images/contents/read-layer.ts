import { verified } from '../../content/index.ts'
import { decompress } from '../../files/compression/index.ts'
import { encodeWith, indexFlow, indexOf, type LayerIndex, tableOf, writeFlow } from '../../files/layer/index.ts'
import { type Descriptor, type Digest, hexOf } from '../../oci/index.ts'
import { type Bytes, Gauge, type Reporter, silent, startTransfer, TareError } from '../../support/index.ts'
import { type Host, unpackLimit } from '../index.ts'

/** A layer to be read completely. */
export interface WantedLayer {
  readonly diffId: Digest
  readonly blob: Descriptor
  open(): Promise<Bytes>
  /** The image, for errors. */
  readonly name: string
  readonly isRemote: boolean
  /** Whether it is opened decompressed. */
  readonly isPlain: boolean
}

export interface ReadOptions {
  /** Whether to keep the decompressed layer in the store, as part of the build cache. */
  readonly keep: boolean
  readonly report?: Reporter | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Decompresses and verifies a layer, and caches its index with the digest of every file. Rejects with `BLOB_CORRUPT`,
 * `ARCHIVE_…`, `LAYER_…` and `TAR_…`; nothing is kept in that case.
 */
export async function readLayer(host: Host, wanted: WantedLayer, options: ReadOptions): Promise<LayerIndex> {
  const { blob, isRemote } = wanted
  const transfer = startTransfer(blob.digest, blob.size, options.report ?? silent, isRemote ? 'downloading' : 'loading')
  const opened = await wanted.open()
  const compressed = wanted.isPlain ? opened : verified(opened, blob)
  const flow = transfer.watch(compressed, isRemote ? 'downloading' : 'loading', blob.size)
  const plain = wanted.isPlain ? flow : (await decompress(flow, unpackLimit(host), blob.size)).bytes
  const index = await (options.keep ? kept(host, wanted, plain, options) : looked(wanted, plain, options))
  remember(host, index, options.keep)
  transfer.done('transferred')
  return index
}

async function looked(wanted: WantedLayer, bytes: Bytes, { signal }: ReadOptions): Promise<LayerIndex> {
  const { diffId, blob, isPlain } = wanted
  // Otherwise the blob is the layer itself, and has been verified.
  const gauge = isPlain || blob.digest !== diffId ? new Gauge() : undefined
  const { size, table } = await indexFlow(
    passing(bytes, signal, (chunk) => gauge?.add(chunk)),
    nameOf(wanted),
    { digests: true },
  )
  if (gauge !== undefined) check(wanted, gauge.digest())
  return indexOf({ diffId, size }, table)
}

async function kept({ store }: Host, wanted: WantedLayer, bytes: Bytes, { signal }: ReadOptions): Promise<LayerIndex> {
  const reservation = store.reserve()
  try {
    const index = await writeFlow(bytes, {
      ...{ path: reservation.path, what: nameOf(wanted), expected: wanted.blob.size * 2, digests: true, signal },
      check: (digest) => check(wanted, digest),
    })
    reservation.keep(wanted.diffId)
    return index
  } catch (error) {
    reservation.discard()
    throw store.explain(error)
  }
}

function nameOf({ diffId }: WantedLayer): string {
  return `layer ${diffId}`
}

async function* passing(bytes: Bytes, signal: AbortSignal | undefined, see: (chunk: Uint8Array) => void): Bytes {
  for await (const chunk of bytes) {
    signal?.throwIfAborted()
    see(chunk)
    yield chunk
  }
}

function check({ diffId, name }: WantedLayer, digest: Digest): void {
  if (digest === diffId) return
  throw new TareError('BLOB_CORRUPT', `a layer of ${name} has the digest ${digest}, but its config says ${diffId}`, {
    remedy: 'The image is damaged: save or push it again.',
  })
}

/** Failing to cache it only costs time: images can be inspected with a read-only store. */
function remember({ store }: Host, index: LayerIndex, isKept: boolean): void {
  const key = hexOf(index.diffId)
  try {
    if (isKept) store.records.remember('inspected', key, '')
    store.records.remember('layers', key, encodeWith(index, tableOf(index)))
  } catch (error) {
    if (isKept || !(error instanceof TareError)) throw error
  }
}
