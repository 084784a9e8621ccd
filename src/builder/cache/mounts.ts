import type { CacheExport } from '../../api/index.ts'
import { compress } from '../../files/compression/index.ts'
import { spool } from '../../files/context/index.ts'
import type { Host } from '../../images/index.ts'
import { readFrom } from '../../images/rewrite/index.ts'
import { Gauge, measured } from '../../support/index.ts'
import type { RunStorage, StoredCache } from '../sandbox/index.ts'
import type { CachedMount } from './document.ts'
import type { CacheWriter } from './storage.ts'

export const mountType = 'application/vnd.tare.cache.mount.v1.tar+gzip'

/** Stores the cache mounts that the options ask for and that no step holds. Returns them. */
export async function storeMounts(
  { store, now }: Host,
  storage: RunStorage,
  writer: CacheWriter,
  { mountIds = ['*'], mountsMax = Number.POSITIVE_INFINITY }: CacheExport,
): Promise<readonly CachedMount[]> {
  const patterns = mountIds.map(patternOf)
  const all = [...(await storage.caches())].sort((a, b) => b.used - a.used)
  const stored: CachedMount[] = []
  let left = mountsMax
  for (const mount of all) {
    if (!patterns.some((pattern) => pattern.test(mount.id)) || mount.size > left || storage.isHeld(mount.key)) continue
    left -= mount.size
    stored.push({
      id: mount.id,
      key: mount.key,
      blob: await storeMount(mount),
      named: now().toISOString().slice(0, 10),
    })
  }
  return stored

  async function storeMount({ key }: StoredCache) {
    const file = store.reserve()
    try {
      const packed = new Gauge()
      await spool(file.path, measured(compress(storage.sendOne(key), 'gzip'), packed), undefined)
      const blob = { mediaType: mountType, digest: packed.digest(), size: packed.size }
      await writer.put(blob, () => readFrom(file.path, 0))
      return blob
    } catch (error) {
      throw store.explain(error)
    } finally {
      file.discard()
    }
  }
}

function patternOf(text: string): RegExp {
  return new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  )
}

/** Joins the mounts of a cache with those of a build, which are newer. */
export function mergeMounts(old: readonly CachedMount[], added: readonly CachedMount[]): readonly CachedMount[] {
  const byKey = new Map([...old, ...added].map((mount) => [mount.key, mount]))
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
