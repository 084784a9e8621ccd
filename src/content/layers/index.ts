/**
 * The layers of the store as filesystems: stacked, merged into a tree, each indexed once.
 *
 * In: a store, diffIds.  Out: snapshots and their trees; contents are read from the layers.
 * Not here: how a layer is written (files/layer), where one comes from.
 */
export {
  chainId,
  type MadeLayer,
  refuseLayer,
  type Snapshot,
  type SnapshotLayer,
  Snapshots,
  scratch,
} from './snapshot.ts'
