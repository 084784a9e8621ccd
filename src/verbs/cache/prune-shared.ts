import type { PruneSharedOptions, PruneSharedResult } from '../../api/index.ts'
import { pruneSharedCache } from '../../builder/cache/index.ts'
import type { Host } from '../../images/index.ts'

/** Rewrites a cache in a registry or a folder without what no export has named for long. */
export function pruneShared(host: Host, options: PruneSharedOptions): Promise<PruneSharedResult> {
  return pruneSharedCache(host, options)
}
