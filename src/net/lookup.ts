import { type LookupAddress, lookup } from 'node:dns'
import { lookup as lookUp } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { isLoopbackAddress } from './no-proxy.ts'

/** The addresses of a name that leads to this machine and nowhere else; undefined for any other. */
export async function loopbackAddresses(hostname: string): Promise<readonly LookupAddress[] | undefined> {
  try {
    const found = await lookUp(hostname, { all: true })
    return found.length > 0 && found.every(({ address }) => isLoopbackAddress(address)) ? found : undefined
  } catch {
    return undefined
  }
}

/** Looks names up as usual, but for those whose addresses are known. */
export function pinnedLookup(pinned: ReadonlyMap<string, readonly LookupAddress[]>): LookupFunction {
  return (hostname, options, done) => {
    const known = pinned.get(hostname)
    if (known === undefined) lookup(hostname, options, done)
    else if (options.all === true) done(null, [...known])
    else done(null, known[0]!.address, known[0]!.family)
  }
}
