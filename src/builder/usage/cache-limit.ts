import type { Host } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'
import { diskOf } from './disk-of.ts'
import { isFarBelow } from './last-measured.ts'

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

/** Keeps the cache within the limit, in bytes. `took`: how long the build was, in milliseconds. */
export async function limitCache(host: Host, limit: number, took: number): Promise<void> {
  if (limit === 0 || isFarBelow(limit, host)) return
  await (await import('./limit-cache.ts')).limitTo(limit, host, took)
}
