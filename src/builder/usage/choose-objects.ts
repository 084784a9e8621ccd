import type { CacheObject, StoreUsage } from './cache-objects.ts'

/** How much of the cache may stay. Sizes are bytes. */
export interface CacheBounds {
  /** The cache takes up no more than this. */
  readonly maxUsedSpace?: number | undefined
  /** This much always stays. */
  readonly reservedSpace?: number | undefined
  /** The disk has at least this much left. */
  readonly minFreeSpace?: number | undefined
}

export type ObjectFilter = (object: CacheObject) => boolean

/** Returns what to remove, least recently used first: all that the filters let through, or as much as the bounds ask for. */
export function chooseObjects(
  { objects, cache }: StoreUsage,
  filters: readonly ObjectFilter[],
  { maxUsedSpace, reservedSpace = 0, minFreeSpace }: CacheBounds,
  free: number,
): readonly CacheObject[] {
  const removable = objects.filter((object) => !object.inUse && filters.every((filter) => filter(object)))
  const oldest = [...removable].sort((a, b) => a.lastUsed - b.lastUsed)
  let wanted = Number.POSITIVE_INFINITY
  if (maxUsedSpace !== undefined || minFreeSpace !== undefined)
    wanted = Math.max(cache - (maxUsedSpace ?? Number.POSITIVE_INFINITY), (minFreeSpace ?? 0) - free)
  wanted = Math.min(wanted, cache - reservedSpace)
  const chosen: CacheObject[] = []
  for (const object of oldest) {
    if (wanted <= 0) break
    // What is reserved stays, even if nothing smaller can go.
    if (reservedSpace > 0 && object.size > wanted && maxUsedSpace === undefined && minFreeSpace === undefined) continue
    chosen.push(object)
    wanted -= object.size
  }
  return chosen
}
