import type { Snapshot, SnapshotLayer } from '../content/layers/index.ts'
import type { Store } from '../content/store/index.ts'
import { type Descriptor, type Digest, layerIn, mediaTypes } from '../oci/index.ts'
import type { AssembledLayer, assembleImage } from './assemble/index.ts'
import type { Planned } from './plan/index.ts'

/** Returns what an image's documents are assembled from. `left` has the layers that stay where they were found. */
export function imageFacts(
  store: Store,
  { output }: Planned,
  snapshots: readonly (Snapshot | undefined)[],
  left: ReadonlyMap<Digest, Descriptor>,
  members?: Readonly<Record<string, unknown>>,
): Parameters<typeof assembleImage> {
  const root = snapshots[output.root]!
  const layers: AssembledLayer[] = root.layers.map((layer) => ({
    diffId: layer.diffId,
    blob: left.get(layer.diffId) ?? whereabouts(store, layer),
    ...(layer.created === undefined ? {} : { created: layer.created }),
  }))
  const history = output.history.map(({ createdBy, layer }) => ({
    createdBy,
    ...(layer === undefined ? {} : { layer: snapshots[layer]!.layers.length - 1 }),
  }))
  return [{ ...output, history, members }, layers]
}

/** Returns a layer's descriptor: uncompressed if it is in the store, otherwise as in the base's own manifest. */
function whereabouts(store: Store, { diffId, size, blob }: SnapshotLayer): Descriptor {
  const known = size ?? (blob?.digest === diffId ? blob.size : store.blobs.size(diffId))
  return known === undefined ? layerIn('oci', blob!) : { mediaType: mediaTypes.layer, digest: diffId, size: known }
}
