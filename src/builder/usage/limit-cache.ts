import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Host } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'
import { readUsage } from './cache-objects.ts'
import { chooseObjects } from './choose-objects.ts'
import { removeObjects } from './remove-objects.ts'

const largestDefault = 20e9
const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }

/** Returns TARE_CACHE_LIMIT in bytes, by default a tenth of the disk, at most 20 GB; 0 means none. Throws `OPTION_INVALID`. */
export function cacheLimit({ environment, store }: Host): number {
  const text = environment['TARE_CACHE_LIMIT']
  if (text === undefined || text === '') return Math.min(largestDefault, diskOf(store.home).size / 10)
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? []
  if (count === undefined)
    throw new TareError('OPTION_INVALID', `invalid TARE_CACHE_LIMIT ${JSON.stringify(text)}`, {
      remedy: 'It is a number of bytes, as in 10GB; 0 turns it off.',
    })
  return Number(count) * units[unit.toLowerCase()]!
}

/** Returns the size of the disk with the store, and how much of it is free. */
export function diskOf(home: string): { readonly size: number; readonly free: number } {
  let folder = home
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  const { bsize, blocks, bavail } = statfsSync(folder)
  return { size: blocks * bsize, free: bavail * bsize }
}

// What a build may spend on it. The rest is for the next one.
const shortest = 200
const share = 0.05
// A shorter build goes by what an earlier one has measured of RUN.
const worthMeasuring = 2000
// No layer takes longer to be removed.
const perObject = 20

/**
 * Removes what was not used for longest, if the cache is larger than it may be. `took`: how long the build was, in milliseconds.
 * A store that cannot be measured, because something in it is damaged, stays as it is: the image is there.
 */
export async function limitCache(host: Host, took: number): Promise<void> {
  const limit = cacheLimit(host)
  if (limit === 0) return
  const budget = Math.max(shortest, Math.floor(took * share))
  const end = performance.now() + budget
  try {
    const usage = await readUsage(host, {
      signal: AbortSignal.timeout(Math.floor(budget / 2)),
      quick: { measures: took > worthMeasuring },
    })
    if (usage.cache <= limit) return
    const chosen = chooseObjects(usage, [], { maxUsedSpace: limit }, 0)
    const some = Math.max(1, Math.floor((end - performance.now()) / perObject))
    await removeObjects(host, chosen.slice(0, some))
  } catch (error) {
    // The next build tries again.
    if (!(error instanceof TareError)) throw error
  }
}
