import type { Descriptor } from '../../oci/index.ts'
import { type CacheDocument, type CachedStep, mostSteps, readBlob, readLayer } from './document.ts'

/** The member of an image's config that holds its cache. */
export const inlineMember = 'dev.tare.cache.v1'

const hex = /^[0-9a-f]{64}$/

/** Returns what an image's config says of the steps that made its layers; equal builds give equal texts. */
export function writeInline(steps: readonly Pick<CachedStep, 'keys' | 'form' | 'layer'>[]): unknown {
  return {
    steps: steps.map(({ keys, form, layer: { diffId, size, created, rootTime } }) => ({
      keys: [...keys].sort(),
      form,
      layer: { diffId, size, created, ...(rootTime === undefined ? {} : { rootTime }) },
    })),
  }
}

/** Reads the cache in an image's config, whose layers the manifest has in the same order. Undefined if there is none. */
export function readInline(
  config: Readonly<Record<string, unknown>>,
  layers: readonly Descriptor[],
): CacheDocument | undefined {
  const { steps } = (config[inlineMember] ?? {}) as { steps?: unknown }
  const { diff_ids: diffIds } = (config['rootfs'] ?? {}) as { diff_ids?: unknown }
  if (!Array.isArray(steps) || !Array.isArray(diffIds) || diffIds.length !== layers.length) return undefined
  const found = steps.slice(0, mostSteps).flatMap((value: unknown): CachedStep[] => {
    const { keys, form, layer: said } = (value ?? {}) as Record<string, unknown>
    const isKey = (key: unknown): key is string => typeof key === 'string' && hex.test(key)
    if (!Array.isArray(keys) || !keys.every(isKey) || !isKey(form)) return []
    try {
      const layer = readLayer(said)
      const blob = readBlob(layers[diffIds.indexOf(layer.diffId)])
      return [{ keys, form, layer, blob, named: '1970-01-01' }]
    } catch {
      return []
    }
  })
  return { steps: found, mounts: [], replaced: [] }
}
