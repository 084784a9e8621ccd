import type { BuildOptions } from '../api/index.ts'
import type { Snapshot, SnapshotLayer } from '../content/layers/index.ts'
import type { Store } from '../content/store/index.ts'
import {
  type Descriptor,
  type Digest,
  descriptorJson,
  goJson,
  layerIn,
  mediaTypes,
  type Platform,
} from '../oci/index.ts'
import type { AssembledLayer, assembleImage, Document } from './assemble/index.ts'
import type { Planned } from './plan/index.ts'

/** Returns what an image's documents are assembled from. `left` has the layers that stay where they were found. */
export function imageFacts(
  store: Store,
  { annotations }: BuildOptions,
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
  return [{ ...output, history, annotations, members }, layers]
}

/** Returns a layer's descriptor: uncompressed if it is in the store, otherwise as in the base's own manifest. */
function whereabouts(store: Store, { diffId, size, blob }: SnapshotLayer): Descriptor {
  const known = size ?? (blob?.digest === diffId ? blob.size : store.blobs.size(diffId))
  return known === undefined ? layerIn('oci', blob!) : { mediaType: mediaTypes.layer, digest: diffId, size: known }
}

/** Writes the index of the images to the store. */
export function writeIndex(
  store: Store,
  images: readonly Document[],
  ids: readonly { readonly platform: Platform }[],
): Document['blob'] {
  const manifests = images.map(({ blob }, i) => descriptorJson({ ...blob, platform: ids[i]!.platform }))
  const bytes = Buffer.from(goJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, 2))
  return { mediaType: mediaTypes.index, digest: store.blobs.write(bytes), size: bytes.length }
}
