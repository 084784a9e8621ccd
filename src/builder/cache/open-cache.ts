import type { CacheDestination, CacheSource } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { openLocalCache, openLocalTarget } from './local-cache.ts'
import { type CacheCall, openRegistryCache, openRegistryTarget } from './registry-cache.ts'
import type { CacheReader, CacheWriter } from './storage.ts'

export function openCacheReader(host: Host, source: CacheSource, call: CacheCall): Promise<CacheReader> {
  return source.type === 'registry' ? openRegistryCache(host, source, call) : openLocalCache(host, source, call)
}

/** A destination with a place of its own. */
export type StoredDestination = Exclude<CacheDestination, { type: 'inline' }>

export function openCacheWriter(host: Host, to: StoredDestination, call: CacheCall): Promise<CacheWriter> {
  return to.type === 'registry' ? openRegistryTarget(host, to, call) : openLocalTarget(host, to, call)
}
