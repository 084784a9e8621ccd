import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { CachePruneOptions, PruneResult, Removal } from '../../api/index.ts'
import { runStorage } from '../../builder/session/index.ts'
import {
  chooseObjects,
  diskOf,
  readObjectFilters,
  readUntil,
  readUsage,
  removeObjects,
} from '../../builder/usage/index.ts'
import { ownersIn } from '../../disk/index.ts'
import type { Host } from '../../images/index.ts'
import { collectGarbage, forgetBases, forgetStep, layerOfStep } from '../../images/index.ts'
import type { Digest } from '../../oci/index.ts'

/**
 * Removes cached steps and bases with the layers that only they need, and cache mounts and unpacked layers that are not in use.
 */
export async function pruneBuildCache(host: Host, options: CachePruneOptions = {}): Promise<PruneResult> {
  const { filters = [], signal } = options
  if (isBounded(options) || !filters.every(isSimple)) return pruneObjects(host, options)
  const before = readUntil(filters, host.now())
  const wants = (type: 'regular' | 'exec.cachemount') =>
    filters.includes(`type=${type}`) || !filters.some((filter) => filter.startsWith('type='))
  const kept = runStorage(host, signal)
  const none: PruneResult = { removed: [], reclaimed: 0 }
  const steps = wants('regular') ? await forgetSteps(host, before) : none
  const mounts = wants('exec.cachemount') ? await kept.removeCaches(before) : []
  // They have no time of their own, and are recreated when needed.
  if (wants('regular')) removeLogs(host, before)
  const unpacked = wants('regular') && before === Number.POSITIVE_INFINITY ? await kept.removeUnpacked() : 0
  return {
    removed: [...steps.removed, ...mounts.map(({ key }): Removal => ({ deleted: `sha256:${key}` }))],
    reclaimed: steps.reclaimed + mounts.reduce((sum, { size }) => sum + size, unpacked),
  }
}

function isBounded({ maxUsedSpace, reservedSpace, minFreeSpace }: CachePruneOptions): boolean {
  return [maxUsedSpace, reservedSpace, minFreeSpace].some((bound) => bound !== undefined)
}

/** Whether a filter says only how old, or what kind. */
function isSimple(filter: string): boolean {
  return filter.startsWith('until=') || filter === 'type=regular' || filter === 'type=exec.cachemount'
}

/** Removes as much as the bounds ask for, least recently used first. */
async function pruneObjects(host: Host, { filters = [], signal, ...bounds }: CachePruneOptions): Promise<PruneResult> {
  const tests = readObjectFilters(filters, host.now())
  const chosen = chooseObjects(await readUsage(host, { signal }), tests, bounds, diskOf(host.store.home).free)
  const gone = await removeObjects(host, chosen)
  const removed = gone.flatMap(({ id, type }): Removal[] => {
    if (type === 'internal') return []
    return [{ deleted: (type === 'regular' ? id : `sha256:${id}`) as Digest }]
  })
  return { removed, reclaimed: gone.reduce((sum, { size }) => sum + size, 0) }
}

/** Removes the command output of finished builds: folders named `<time>-<process>`. */
function removeLogs({ store }: Host, before: number): void {
  const folder = join(store.own, 'logs')
  const owners = ownersIn(join(store.own, 'alive'))
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined || stat.mtimeMs >= before) continue
    if (owners.isAlive(/Z-(.*)$/.exec(name)?.[1] ?? '', stat.mtimeMs)) continue
    rmSync(path, { recursive: true, force: true })
  }
}

async function forgetSteps({ store }: Host, before: number): Promise<PruneResult> {
  const forgotten = new Set<Digest>()
  const bytes = await store.alone(() => {
    for (const { key, since } of store.records.all('steps')) {
      if (since >= before) continue
      const layer = layerOfStep(store, key)
      forgetStep(store, key)
      if (layer !== undefined) forgotten.add(layer)
    }
    for (const digest of forgetBases(store, before)) forgotten.add(digest)
    for (const { key, since } of store.records.all('inspected')) {
      if (since >= before) continue
      store.records.forget('inspected', key)
      forgotten.add(`sha256:${key}`)
    }
    for (const kind of ['latest', 'contexts'] as const)
      for (const { key, since } of store.records.all(kind)) if (since < before) store.records.forget(kind, key)
    const { removed, bytes } = collectGarbage(store)
    for (const digest of forgotten) if (!removed.includes(digest)) forgotten.delete(digest)
    for (const { key } of store.records.all('layers'))
      if (!store.blobs.has(`sha256:${key}`)) store.records.forget('layers', key)
    return bytes
  })
  return { removed: [...forgotten].map((deleted) => ({ deleted })), reclaimed: bytes }
}
