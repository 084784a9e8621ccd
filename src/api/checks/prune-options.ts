import type { CachePruneOptions, CacheUsageOptions, PruneSharedOptions } from '../index.ts'
import { flag, list, required, type Shape, text, variants, whole } from './check-options.ts'
import { callOptions, name, registryCall, word } from './options.ts'

const path = { path: name }
const { insecure: _, ...loginCall } = registryCall

export const cachePruneOptions: Shape<CachePruneOptions> = {
  ...callOptions,
  all: flag,
  filters: list(word()),
  maxUsedSpace: whole(0),
  reservedSpace: whole(0),
  minFreeSpace: whole(0),
}
export const cacheUsageOptions: Shape<CacheUsageOptions> = { ...callOptions, filters: list(word()) }
export const pruneSharedOptions: Shape<PruneSharedOptions> = {
  ...loginCall,
  cache: required(
    variants<PruneSharedOptions['cache']>('type', {
      registry: { ref: name, insecure: flag },
      local: { ...path, tag: text },
    }),
  ),
  keepFor: name,
}
