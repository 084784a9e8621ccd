import { createHash } from 'node:crypto'
import { Snapshots } from '../../content/layers/index.ts'
import { ContentReader, decodeIndex, type LayerIndex, type StoredLayer, tableOf } from '../../files/layer/index.ts'
import type { Content, RegularFile } from '../../files/tree/index.ts'
import { type Descriptor, type Digest, hexOf } from '../../oci/index.ts'
import { type Bytes, inParallel, Pace, TareError } from '../../support/index.ts'
import type { CompressedImage, Host } from '../index.ts'
import { fetchLayer } from '../ingest/index.ts'
import type { ImageInPlace, OpenedImage } from '../transports/index.ts'
import { readLayer } from './read-layer.ts'
import type { ContentsOptions } from './types.ts'

/** What is known when an image's layers are to be inspected. */
export interface LayersInput {
  readonly host: Host
  readonly image: CompressedImage
  readonly opened: OpenedImage | ImageInPlace
  readonly name: string
  readonly isRemote: boolean
  readonly isStored: boolean
  readonly options: ContentsOptions
}

// The same as for a pull; from disk, as many as are decompressed in parallel.
const remoteAtOnce = 6
const localAtOnce = 2
const pieceSize = 256 << 10

/**
 * The layers of an image: from the store if it has them; uncompressed ones in an archive or layout in place; others are
 * decompressed into the store when one of their files is read.
 */
export class ImageLayers {
  private readonly input: LayersInput
  private readonly snapshots: Snapshots
  private readonly found = new Map<Digest, Promise<StoredLayer>>()
  /** Layers whose contents may not be on disk yet, by the path that will hold them. */
  private readonly pending = new Map<string, number>()
  private readonly inPlace = new Set<string>()
  private readonly unpacking = new Map<Digest, Promise<void>>()
  /** Shared by all files, since those of a layer are read one after the other. */
  private readonly reader = new ContentReader()
  private readonly pace: Pace
  private readonly besides: ReadonlyMap<Digest, LayerIndex>
  private release: (() => void) | undefined

  constructor(input: LayersInput) {
    this.input = input
    this.snapshots = new Snapshots(input.host.store)
    this.pace = new Pace(input.options.signal)
    this.besides = new Map(input.options.beside?.layers.map(({ index }) => [index.diffId, index]))
  }

  /** Returns all layers with their indexes, lowest first. */
  index(): Promise<readonly StoredLayer[]> {
    const { image, isRemote } = this.input
    return inParallel(image.config.diffIds, isRemote ? remoteAtOnce : localAtOnce, (diffId, i) => {
      const known = this.found.get(diffId) ?? this.find(i)
      this.found.set(diffId, known)
      return known
    })
  }

  /** Returns the layer's descriptor in the image: a docker-archive does not say whether it is compressed. */
  blobOf(i: number, blob: Descriptor): Descriptor {
    const layer = 'layers' in this.input.opened ? this.input.opened.layers?.[i] : undefined
    return layer === undefined || layer.size !== undefined ? blob : { ...blob, mediaType: `${blob.mediaType}+gzip` }
  }

  async unpack(layers: readonly StoredLayer[]): Promise<void> {
    const wanted = [...new Set(layers.flatMap(({ path }) => this.pending.get(path) ?? []))]
    await inParallel(wanted, this.input.isRemote ? remoteAtOnce : localAtOnce, (i) => this.bring(i))
  }

  async *read({ size, content }: Pick<RegularFile, 'size' | 'content'>): Bytes {
    if (content.kind !== 'inline') {
      const i = this.pending.get(content.path)
      if (i !== undefined) await this.bring(i)
    }
    const isSure = content.kind === 'inline' || !this.inPlace.has(content.path)
    yield* this.pieces(content, size, isSure ? undefined : content.digest)
  }

  close(): void {
    this.reader.close()
    this.release?.()
    this.release = undefined
  }

  private async *pieces(content: Content, size: number, digest: Digest | undefined): Bytes {
    const { name } = this.input
    const hash = digest === undefined ? undefined : createHash('sha256')
    for (let position = 0; position < size; position += pieceSize) {
      // Neither reading nor writing to a file waits for anything.
      await this.pace.keep()
      const piece = Buffer.allocUnsafe(Math.min(pieceSize, size - position))
      this.reader.read(content, piece, position)
      hash?.update(piece)
      yield piece
    }
    if (hash !== undefined && `sha256:${hash.digest('hex')}` !== digest)
      throw new TareError('BLOB_CORRUPT', `a file in ${name} has changed since its layer was read`, {
        remedy: 'The archive changed after it was made: save the image again.',
      })
  }

  private async find(i: number): Promise<StoredLayer> {
    const { host, image, isStored } = this.input
    const diffId = image.config.diffIds[i]!
    const path = host.store.blobs.path(diffId)
    if (host.store.blobs.has(diffId) && (isStored || host.store.blobs.touch(diffId))) {
      this.pending.set(path, i)
      return { index: this.besides.get(diffId) ?? this.snapshots.index(diffId), path }
    }
    const at = await this.locate(i)
    const known = this.recall(diffId, at !== undefined)
    if (at !== undefined) {
      this.inPlace.add(at.path)
      return { index: known ?? (await this.pass(i, false)), path: at.path, offset: at.offset }
    }
    this.pending.set(path, i)
    if (known !== undefined) return { index: known, path }
    if (isStored) {
      await this.bring(i)
      return { index: this.snapshots.index(diffId), path }
    }
    const keep = this.input.isRemote || this.input.options.contents === true
    const index = await this.pass(i, keep)
    if (keep) this.pending.delete(path)
    return { index, path }
  }

  /** Returns the cached index; for a layer read in place, only one by which each file can be verified. */
  private recall(diffId: Digest, checkable: boolean): LayerIndex | undefined {
    const text = this.input.host.store.records.recallBytes('layers', hexOf(diffId))
    const index = text === undefined ? undefined : decodeIndex(text)
    return index !== undefined && (!checkable || tableOf(index).isHashed) ? index : undefined
  }

  /** Returns where an uncompressed layer is in an archive or layout. */
  private async locate(i: number) {
    const { opened, image } = this.input
    if (!('locate' in opened)) return undefined
    if (opened.layers !== undefined) return opened.layers[i]?.at
    const blob = image.manifest.layers[i]!
    return blob.digest === image.config.diffIds[i] ? opened.locate(blob) : undefined
  }

  /** Makes sure that the store has the layer's contents. */
  private bring(i: number): Promise<void> {
    const { image, host } = this.input
    const diffId = image.config.diffIds[i]!
    const known = this.unpacking.get(diffId) ?? this.fetch(i)
    this.unpacking.set(diffId, known)
    return known.then(() => {
      this.pending.delete(host.store.blobs.path(diffId))
    })
  }

  private async fetch(i: number): Promise<void> {
    const { host, image, isStored, options } = this.input
    const diffId = image.config.diffIds[i]!
    if (host.store.blobs.touch(diffId)) return
    if (!isStored) {
      await this.pass(i, true)
      return
    }
    this.release ??= host.store.lease()
    await fetchLayer(host, { diffId, blob: image.manifest.layers[i]! }, options)
  }

  /** Reads the layer completely, once more if a mirror sent corrupt bytes. */
  private async pass(i: number, keep: boolean): Promise<LayerIndex> {
    const { host, image, opened, isRemote, options, name } = this.input
    if (keep) this.release ??= host.store.lease()
    const blob = image.manifest.layers[i]!
    const layer = 'layers' in opened ? opened.layers?.[i] : undefined
    const open = layer === undefined ? () => image.source.open(blob) : () => layer.open()
    const wanted = { diffId: image.config.diffIds[i]!, blob, open, name, isRemote, isPlain: layer !== undefined }
    try {
      return await readLayer(host, wanted, { ...options, keep })
    } catch (error) {
      if (options.signal?.aborted || image.source.distrust?.(error) !== true) throw error
      return readLayer(host, wanted, { ...options, keep })
    }
  }
}
