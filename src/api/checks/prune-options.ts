import type { CachePruneOptions, CacheUsageOptions, PruneSharedOptions } from '../index.ts'
import { flag, list, required, type Shape, text, variants, whole } from './check-options.ts'
import { callOptions, name, pruneOptions, registryCall } from './options.ts'

const texts = list(text)
const path = { path: name }
const { insecure: _, ...loginCall } = registryCall

export const cachePruneOptions: Shape<CachePruneOptions> = {
  ...pruneOptions,
  maxUsedSpace: whole(0),
  reservedSpace: whole(0),
  minFreeSpace: whole(0),
}
export const cacheUsageOptions: Shape<CacheUsageOptions> = { ...callOptions, filters: texts }
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
