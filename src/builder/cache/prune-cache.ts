import type { PruneSharedOptions, PruneSharedResult } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import type { Digest } from '../../oci/index.ts'
import { messageOf, TareError } from '../../support/index.ts'
import { openCacheWriter } from './open-cache.ts'
import { NoCache } from './storage.ts'

/**
 * Rewrites a cache without the steps that no export has named for so long, and deletes the manifests that it has replaced. Rejects
 * with `CACHE_REFUSED` for anything that is no cache.
 */
export async function pruneSharedCache(
  host: Host,
  { cache, keepFor, signal }: PruneSharedOptions,
): Promise<PruneSharedResult> {
  const writer = await openCacheWriter(host, cache, { signal })
  try {
    const found = await writer.read()
    const oldest = new Date(host.now().getTime() - spanOf(keepFor)).toISOString().slice(0, 10)
    const isYoung = ({ named }: { readonly named: string }) => named >= oldest
    const [steps, mounts] = [found.document.steps.filter(isYoung), found.document.mounts.filter(isYoung)]
    const kept = steps.length + mounts.length
    const removed = found.document.steps.length + found.document.mounts.length - kept
    const before = [...(found.manifest === undefined ? [] : [found.manifest]), ...found.document.replaced]
    const written = removed === 0 ? found.manifest : await writer.write({ steps, mounts, replaced: [] })
    const old = before.filter((digest) => digest !== written)
    const left: Digest[] = []
    let why: string | undefined
    for (const digest of old)
      try {
        await writer.remove(digest)
      } catch (error) {
        if (signal?.aborted || !(error instanceof TareError)) throw error
        if (/NOT_FOUND|MISSING|UNKNOWN/.test(error.code)) continue
        left.push(digest)
        why ??= messageOf(error)
      }
    // What cannot be deleted now is remembered for the next time.
    if (removed > 0 && left.length > 0)
      await writer.write({ steps, mounts, replaced: written === undefined ? left : [written, ...left] })
    return { kept, removed, deleted: old.filter((digest) => !left.includes(digest)), left, why }
  } catch (error) {
    if (!(error instanceof NoCache)) throw error
    throw new TareError('CACHE_REFUSED', `${writer.label} cannot be pruned: ${error.message}`, {
      remedy: 'Name a cache that --cache-to has written.',
    })
  } finally {
    await writer.close()
  }
}

const units: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 }

function spanOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (count !== undefined) return Number(count) * units[unit!]!
  throw new TareError('OPTION_INVALID', `invalid time to keep: ${JSON.stringify(text)}`, {
    remedy: 'Write a number and a unit, as in 14d or 36h.',
  })
}
