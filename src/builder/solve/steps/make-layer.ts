import type { MadeLayer } from '../../../content/layers/index.ts'
import { packLayer, type StoredLayer } from '../../../files/layer/index.ts'
import type { Difference, RegularFile } from '../../../files/tree/index.ts'
import type { Step } from '../../../support/index.ts'
import type { Tools } from '../tools.ts'

export interface LayerRequest {
  readonly differences: readonly Difference[]
  /** Which files to hash while reading them. */
  readonly digests: (file: RegularFile) => boolean
  /** A layer that may be similar. */
  readonly previous?: StoredLayer | undefined
}

/** Packs the differences into a layer and stores it with its index. Leaves nothing behind on failure. */
export async function makeLayer(
  { differences, digests, previous }: LayerRequest,
  tools: Tools,
  step: Step,
): Promise<MadeLayer> {
  const reservation = tools.store.reserve()
  try {
    const { index, encoded } = await packLayer(differences, {
      path: reservation.path,
      previous,
      digests,
      latest: tools.latest,
      signal: tools.signal,
      progress: (bytes) => step.progress('writing layer', bytes),
    })
    reservation.keep(index.diffId)
    tools.snapshots.keep(index, encoded)
    return { diffId: index.diffId, size: index.size, created: tools.now().toISOString() }
  } catch (error) {
    reservation.discard()
    throw tools.store.explain(error)
  }
}
