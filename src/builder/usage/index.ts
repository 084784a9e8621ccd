/**
 * What the store takes up on disk, in parts, and which of them go when there is too much.
 *
 * In: a Host.  Out: cache objects with sizes that add up to what `du` says; fewer of them.
 * Not here: what an image needs (images), the words of a command line.
 */
export { cacheLimit, limitCache } from './cache-limit.ts'
export { type CacheObject, readUsage, type StoreUsage } from './cache-objects.ts'
export { type CacheBounds, chooseObjects } from './choose-objects.ts'
export { diskOf } from './disk-of.ts'
export { readObjectFilters, readUntil } from './object-filters.ts'
export { removeObjects } from './remove-objects.ts'
