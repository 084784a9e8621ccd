import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import {
  decodeIndex,
  encodeIndex,
  indexLayer,
  type LayerIndex,
  mergeLayers,
  type StoredLayer,
  withLayer,
} from '../../files/layer/index.ts'
import { Tree } from '../../files/tree/index.ts'
import { type Descriptor, type Digest, hexOf } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { Store } from '../store/index.ts'

/** A layer of a snapshot. */
export interface SnapshotLayer {
  readonly diffId: Digest
  /** Bytes, uncompressed. Unknown for those of a base image. */
  readonly size?: number
  /** RFC 3339; when it was made. Unknown for those of a base image. */
  readonly created?: string
  /** Of a base image: how its manifest names the layer. */
  readonly blob?: Descriptor
  /** The time that the step gave to the root of the filesystem, which no layer tells. */
  readonly rootTime?: { readonly mtime: number; readonly mtimeNs: number }
}

/** A layer that a step made. */
export interface MadeLayer extends SnapshotLayer {
  readonly size: number
  readonly created: string
}

/** A filesystem that a build has made or found. */
export interface Snapshot {
  /** Names what is in it: equal ids, equal files. */
  readonly id: string
  readonly layers: readonly SnapshotLayer[]
  /** Whether there never was anything in it: not even a layer without files. */
  readonly scratch: boolean
  /** Brings those layers into the store that are still in a registry, before `tree` may be asked. Undefined: all are there. */
  readonly fetch?: (() => Promise<void>) | undefined
  /** The time of its root, where a copy has set one. */
  readonly rootTime?: SnapshotLayer['rootTime']
  tree(): Tree
}

export const scratch: Snapshot = { id: 'scratch', layers: [], scratch: true, tree: () => Tree.empty }

/** Snapshots of the layers that lie in a store, whose indexes are read once. */
export class Snapshots {
  private readonly store: Store
  private readonly indexes = new Map<Digest, LayerIndex>()

  constructor(store: Store) {
    this.store = store
  }

  /** The filesystem of the layers, lowest first. */
  of(layers: readonly SnapshotLayer[], fetch?: () => Promise<void>): Snapshot {
    return {
      id: chainId(layers),
      layers,
      scratch: layers.length === 0,
      fetch,
      tree: once(() => mergeLayers(layers.map(({ diffId }) => this.storedLayer(diffId)))),
    }
  }

  /** The snapshot with one more layer on top. */
  stack(below: Snapshot, layer: SnapshotLayer): Snapshot {
    const layers = [...below.layers, layer]
    return {
      id: chained(below.scratch ? '' : below.id, layer),
      layers,
      scratch: false,
      fetch: below.fetch,
      ...(layer.rootTime === undefined ? {} : { rootTime: layer.rootTime }),
      tree: once(() => withLayer(below.tree(), this.storedLayer(layer.diffId))),
    }
  }

  /** Keeps the index of a layer that was just made; `encoded` is the same as a text. */
  keep(index: LayerIndex, encoded: string): void {
    this.indexes.set(index.diffId, index)
    this.store.records.remember('layers', hexOf(index.diffId), encoded)
  }

  /** The layer's index and where it lies, with the bytes of its digest. Throws `BLOB_MISSING`, `BLOB_CORRUPT`. */
  storedLayer(diffId: Digest): StoredLayer {
    this.store.blobs.check(diffId)
    return { index: this.index(diffId), path: this.store.blobs.path(diffId) }
  }

  /** What is in the layer, by what is remembered of it. */
  index(diffId: Digest): LayerIndex {
    let index = this.indexes.get(diffId)
    if (index === undefined) {
      const text = this.store.records.recall('layers', hexOf(diffId))
      index = (text === undefined ? undefined : decodeIndex(text)) ?? this.readLayer(diffId)
      this.indexes.set(diffId, index)
    }
    return index
  }

  /** All indexes that were looked at. */
  used(): Iterable<LayerIndex> {
    return this.indexes.values()
  }

  private readLayer(diffId: Digest): LayerIndex {
    this.store.blobs.check(diffId)
    const fd = openSync(this.store.blobs.path(diffId), 'r')
    try {
      const size = this.store.blobs.size(diffId) ?? 0
      const index = indexLayer(
        { size, read: (into, position) => readSync(fd, into, 0, into.length, position) },
        diffId,
        `layer ${diffId}`,
      )
      this.store.records.remember('layers', hexOf(diffId), encodeIndex(index))
      return index
    } finally {
      closeSync(fd)
    }
  }
}

/** Names a stack of layers. (image-spec, config.md, "Layer ChainID") */
export function chainId(layers: readonly { readonly diffId: Digest }[]): string {
  return layers.reduce<string>(chained, '') || 'scratch'
}

function chained(chain: string, { diffId }: { readonly diffId: Digest }): string {
  return chain === '' ? diffId : `sha256:${createHash('sha256').update(`${chain} ${diffId}`).digest('hex')}`
}

/** The value, made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Throws `BLOB_MISSING` or `BLOB_CORRUPT` of a layer that cannot be built upon or run. */
export function refuseLayer({ blobs }: Store, diffId: Digest, image: string): never {
  const isThere = blobs.has(diffId)
  throw new TareError(
    isThere ? 'BLOB_CORRUPT' : 'BLOB_MISSING',
    `layer ${diffId} of image ${image} is ${isThere ? 'damaged' : 'not in the store'}`,
    { remedy: 'Pull, load or build that image again.' },
  )
}
