import { collectGarbage, forgetBases, forgetStep, type Host, layerOfStep } from '../../images/index.ts'
import type { Digest } from '../../oci/index.ts'
import { runStorage } from '../session/index.ts'
import type { CacheObject } from './cache-objects.ts'

/** Removes cache objects, except what an image, a running build or a running step needs. Returns what is gone. */
export async function removeObjects(host: Host, doomed: readonly CacheObject[]): Promise<readonly CacheObject[]> {
  const ofType = (type: CacheObject['type']) => doomed.filter((object) => object.type === type)
  const gone = new Set<string>()
  const layers = new Set(ofType('regular').map(({ id }) => id as Digest))
  if (layers.size > 0) for (const digest of await removeLayers(host, layers)) gone.add(digest)
  const storage = runStorage(host)
  const mounts = new Set(ofType('exec.cachemount').map(({ id }) => id))
  if (mounts.size > 0) for (const { key } of await storage.removeCaches(Number.POSITIVE_INFINITY, mounts)) gone.add(key)
  if (doomed.some(({ id }) => id === 'unpacked') && (await storage.removeUnpacked()) > 0) gone.add('unpacked')
  return doomed.filter(({ id }) => gone.has(id))
}

async function removeLayers({ store }: Host, layers: ReadonlySet<Digest>): Promise<readonly Digest[]> {
  return store.alone(() => {
    for (const { key } of store.records.all('steps')) {
      const layer = layerOfStep(store, key)
      if (layer === undefined || !layers.has(layer)) continue
      forgetStep(store, key)
    }
    forgetBases(store, layers)
    for (const { key } of store.records.all('inspected'))
      if (layers.has(`sha256:${key}`)) store.records.forget('inspected', key)
    return collectGarbage(store).removed
  })
}
