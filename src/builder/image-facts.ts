import type { Snapshot, SnapshotLayer } from '../content/layers/index.ts'
import type { Store } from '../content/store/index.ts'
import type { Dockerfile } from '../dockerfile/index.ts'
import { type Descriptor, type Digest, layerIn, mediaTypes } from '../oci/index.ts'
import { type AssembledLayer, assembleImage } from './assemble/index.ts'
import type { BuiltImage, ResolvedOutput } from './outputs/index.ts'
import type { Operation, Planned } from './plan/index.ts'

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

/** Returns the config of the image, wherever its layers are. */
export function configWith(store: Store, plan: Planned, snapshots: readonly (Snapshot | undefined)[]): Uint8Array {
  const { layers } = snapshots[plan.output.root]!
  // A config does not tell how layers are stored.
  const anywhere = new Map(
    layers.map(({ diffId }) => [diffId, { mediaType: mediaTypes.layer, digest: diffId, size: 0 }]),
  )
  return assembleImage(...imageFacts(store, plan, snapshots, anywhere)).config.bytes
}

/** Returns a layer's descriptor: uncompressed if it is in the store, otherwise as in the base's own manifest. */
function whereabouts(store: Store, { diffId, size, blob }: SnapshotLayer): Descriptor {
  const known = size ?? (blob?.digest === diffId ? blob.size : store.blobs.size(diffId))
  return known === undefined ? layerIn('oci', blob!) : { mediaType: mediaTypes.layer, digest: diffId, size: known }
}

/** Returns the annotations of all outputs, as a manifest has them. */
export function annotationsOf(outputs: readonly ResolvedOutput[]): Uint8Array {
  const all = outputs.flatMap(({ annotations }) => annotations.map(({ key, value }) => [key, value] as const))
  return Buffer.from(JSON.stringify({ annotations: Object.fromEntries(all) }))
}

/** Returns the text of a Dockerfile, and its name. */
export function sourceOf({ stages }: Dockerfile): { readonly name: string; readonly text: string } {
  const where = stages[0]?.from.where
  return { name: where?.file ?? 'Dockerfile', text: where?.text ?? '' }
}

/** Returns which step made which layer of the image, lowest first; layers of the base are left out. */
export function madeLayers(
  { operations, output }: Planned,
  snapshots: readonly (Snapshot | undefined)[],
  image: Snapshot,
): BuiltImage['made'] {
  const made: BuiltImage['made'][number][] = []
  for (let id: number | undefined = output.root; id !== undefined; ) {
    const operation: Operation = operations[id]!
    if (!('onto' in operation)) break
    const below = snapshots[operation.onto]!.layers.length
    const { title: step, where } = operation
    const isSquashed = output.squashOnto !== undefined && snapshots[output.squashOnto]!.layers.length <= below
    for (const { diffId } of snapshots[id]!.layers.slice(below))
      made.unshift({ diffId: isSquashed ? image.layers.at(-1)!.diffId : diffId, step, line: where?.line })
    id = operation.onto
  }
  return made
}
