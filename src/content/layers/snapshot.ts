import { closeSync, openSync, readSync } from 'node:fs'
import {
  contentSize,
  decodeIndex,
  encodeWith,
  indexLayer,
  type LayerIndex,
  mergeLayers,
  readContentSize,
  type StoredLayer,
  tableOf,
  withLayer,
} from '../../files/layer/index.ts'
import { Tree } from '../../files/tree/index.ts'
import { type Descriptor, type Digest, hexOf } from '../../oci/index.ts'
import { sha256, TareError } from '../../support/index.ts'
import type { Store } from '../store/index.ts'

// The first line of an index is shorter.
const longestHead = 512

/** A layer of a snapshot. */
export interface SnapshotLayer {
  readonly diffId: Digest
  /** Uncompressed size in bytes. Unknown for layers of a base image. */
  readonly size?: number
  /** When it was made (RFC 3339). Unknown for layers of a base image. */
  readonly created?: string
  /** For a base image: the layer's descriptor in its manifest. */
  readonly blob?: Descriptor
  /** The time a step gave to the root of the filesystem, which layers do not contain. */
  readonly rootTime?: { readonly mtime: number; readonly mtimeNs: number }
}

/** A layer made by a step. */
export interface MadeLayer extends SnapshotLayer {
  readonly size: number
  readonly created: string
}

/** A filesystem that a build has made or found. */
export interface Snapshot {
  /** Identifies its contents: snapshots with the same id have the same files. */
  readonly id: string
  readonly layers: readonly SnapshotLayer[]
  /** Whether it has no layers at all, not even empty ones. */
  readonly scratch: boolean
  /** Fetches layers that are still in a registry; must be called before `tree`. Undefined if all are in the store. */
  readonly fetch?: (() => Promise<void>) | undefined
  /** Fetches only layers that steps have made, from the caches they were found in. Undefined if there are none. */
  readonly bring?: (() => Promise<void>) | undefined
  /** The root's time, if a copy has set one. */
  readonly rootTime?: SnapshotLayer['rootTime']
  tree(): Tree
}

export const scratch: Snapshot = { id: 'scratch', layers: [], scratch: true, tree: () => Tree.empty }

/** Snapshots of layers in a store, whose indexes are read once. */
export class Snapshots {
  private readonly store: Store
  private readonly indexes = new Map<Digest, LayerIndex>()

  constructor(store: Store) {
    this.store = store
  }

  /** Returns the filesystem of these layers, lowest first. */
  of(layers: readonly SnapshotLayer[], fetch?: () => Promise<void>): Snapshot {
    return {
      id: chainId(layers),
      layers,
      scratch: layers.length === 0,
      fetch,
      tree: once(() => mergeLayers(layers.map(({ diffId }) => this.storedLayer(diffId)))),
    }
  }

  /** Returns the snapshot with one more layer on top. If that is not here, `ways` bring it with everything below. */
  stack(below: Snapshot, layer: SnapshotLayer, ways: Pick<Snapshot, 'fetch' | 'bring'> = below): Snapshot {
    const layers = [...below.layers, layer]
    return {
      id: chained(below.scratch ? '' : below.id, layer),
      layers,
      scratch: false,
      fetch: ways.fetch,
      bring: ways.bring,
      ...(layer.rootTime === undefined ? {} : { rootTime: layer.rootTime }),
      tree: once(() => withLayer(below.tree(), this.storedLayer(layer.diffId))),
    }
  }

  /** Stores the index of a layer just made; `encoded` is its form on disk. */
  keep(index: LayerIndex, encoded: readonly Uint8Array[]): void {
    this.indexes.set(index.diffId, index)
    this.store.records.remember('layers', hexOf(index.diffId), encoded)
  }

  /** Returns the layer's index and path, verifying the blob. Throws `BLOB_MISSING`, `BLOB_CORRUPT`. */
  storedLayer(diffId: Digest): StoredLayer {
    this.store.blobs.check(diffId)
    return { index: this.index(diffId), path: this.store.blobs.path(diffId) }
  }

  /** Returns the layer's index. */
  index(diffId: Digest): LayerIndex {
    let index = this.indexes.get(diffId)
    if (index === undefined) {
      const text = this.store.records.recallBytes('layers', hexOf(diffId))
      index = (text === undefined ? undefined : decodeIndex(text)) ?? this.readLayer(diffId)
      this.indexes.set(diffId, index)
    }
    return index
  }

  /** Returns the bytes of the layer's files. The first line of its index says so. */
  contentSize(diffId: Digest): number {
    const start = this.store.records.recallStart('layers', hexOf(diffId), longestHead)
    return (start === undefined ? undefined : readContentSize(start, diffId)) ?? contentSize(this.index(diffId))
  }

  /** Returns all indexes that were used. */
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
      this.store.records.remember('layers', hexOf(diffId), encodeWith(index, tableOf(index)))
      return index
    } finally {
      closeSync(fd)
    }
  }
}

/** Returns the chain ID of a stack of layers. (image-spec, config.md, "Layer ChainID") */
export function chainId(layers: readonly { readonly diffId: Digest }[]): string {
  return layers.reduce<string>(chained, '') || 'scratch'
}

function chained(chain: string, { diffId }: { readonly diffId: Digest }): string {
  return chain === '' ? diffId : sha256(`${chain} ${diffId}`)
}

/** Returns a function that computes the value on first call. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Throws `BLOB_MISSING` or `BLOB_CORRUPT` for a layer that cannot be built upon or run. */
export function refuseLayer({ blobs }: Store, diffId: Digest, image: string): never {
  const isThere = blobs.has(diffId)
  throw new TareError(
    isThere ? 'BLOB_CORRUPT' : 'BLOB_MISSING',
    `layer ${diffId} of image ${image} is ${isThere ? 'damaged' : 'not in the store'}`,
    { remedy: 'Pull, load or build that image again.' },
  )
}
