import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../../disk/index.ts'
import type { Host } from '../../images/index.ts'
import { systemCode } from '../../support/index.ts'
import { diskOf } from './disk-of.ts'

// What others may have freed meanwhile, which hides growth of the store.
const margin = 1e9
const lasts = 3_600_000

interface Measured {
  /** Bytes of the whole store: what an image needs today may be cache tomorrow. */
  readonly bytes: number
  /** What was free on its disk. */
  readonly free: number
  /** Milliseconds since 1970. */
  readonly at: number
}

const placeIn = ({ store }: Host) => join(store.own, 'usage.json')

/** Remembers what the store takes up. On a read-only disk it is measured again next time. */
export function noteMeasured(host: Host, bytes: number): void {
  const measured: Measured = { bytes, free: diskOf(host.store.home).free, at: host.now().getTime() }
  try {
    replaceFile(placeIn(host), JSON.stringify(measured))
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}

/**
 * Whether the store is so far below `limit` bytes that it need not be measured: it has grown no more than the space on its
 * disk has shrunk since it was measured last, within an hour.
 */
export function isFarBelow(limit: number, host: Host): boolean {
  let measured: Partial<Measured>
  try {
    measured = JSON.parse(readFileSync(placeIn(host), 'utf8'))
  } catch {
    return false
  }
  const { bytes, free, at } = measured ?? {}
  if (typeof bytes !== 'number' || typeof free !== 'number' || typeof at !== 'number') return false
  const age = host.now().getTime() - at
  if (age < 0 || age > lasts) return false
  return bytes + Math.max(0, free - diskOf(host.store.home).free) <= limit - margin
}
