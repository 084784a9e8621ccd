import { type LookupAddress, lookup } from 'node:dns'
import { lookup as lookUp } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { isLoopbackAddress } from './no-proxy.ts'

/** Resolves a name that leads only to this machine; returns undefined for any other. */
export async function loopbackAddresses(hostname: string): Promise<readonly LookupAddress[] | undefined> {
  try {
    const found = await lookUp(hostname, { all: true })
    return found.length > 0 && found.every(({ address }) => isLoopbackAddress(address)) ? found : undefined
  } catch {
    return undefined
  }
}

/** Returns a lookup function that uses known addresses where there are any. */
export function pinnedLookup(pinned: ReadonlyMap<string, readonly LookupAddress[]>): LookupFunction {
  return (hostname, options, done) => {
    const known = pinned.get(hostname)
    if (known === undefined) lookup(hostname, options, done)
    else if (options.all === true) done(null, [...known])
    else done(null, known[0]!.address, known[0]!.family)
  }
}
