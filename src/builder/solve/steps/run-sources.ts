import { chainId, type Snapshot } from '../../../content/layers/index.ts'
import type { OperationId } from '../../plan/index.ts'
import type { Stack } from '../../sandbox/index.ts'
import type { Input } from '../input.ts'
import type { Tools } from '../tools.ts'

/** What a mount may take files from. */
export interface MountSource {
  readonly input: Input
  readonly snapshot?: Snapshot | undefined
}

export type MountSources = ReadonlyMap<OperationId, MountSource>

/** Returns the snapshot in the sandbox's form. */
export function stackOf(snapshot: Snapshot, tools: Pick<Tools, 'snapshots'>): Stack {
  return {
    layers: snapshot.layers.map(({ diffId }, i) => ({
      ...tools.snapshots.storedLayer(diffId),
      chain: chainId(snapshot.layers.slice(0, i + 1)),
    })),
    tree: () => snapshot.tree(),
  }
}
