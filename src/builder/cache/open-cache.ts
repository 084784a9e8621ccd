import type { CacheDestination, CacheSource } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { openGithubCache, openGithubTarget } from './github-cache.ts'
import { openLocalCache, openLocalTarget } from './local-cache.ts'
import { type CacheCall, openRegistryCache, openRegistryTarget } from './registry-cache.ts'
import type { CacheReader, CacheWriter } from './storage.ts'

export function openCacheReader(host: Host, source: CacheSource, call: CacheCall): Promise<CacheReader> {
  if (source.type === 'gha') return openGithubCache(host, source, call)
  return source.type === 'registry' ? openRegistryCache(host, source, call) : openLocalCache(host, source, call)
}

/** A destination with a place of its own. */
export type StoredDestination = Exclude<CacheDestination, { type: 'inline' }>

export function openCacheWriter(host: Host, to: StoredDestination, call: CacheCall): Promise<CacheWriter> {
  if (to.type === 'gha') return openGithubTarget(host, to, call)
  return to.type === 'registry' ? openRegistryTarget(host, to, call) : openLocalTarget(host, to, call)
}
