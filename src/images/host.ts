import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TareOptions } from '../api/index.ts'
import { Store } from '../content/store/index.ts'
import { normalizePlatform, type Platform } from '../oci/index.ts'
import { TareError } from '../support/index.ts'

/** The outside, as far as verbs need it. */
export interface Host {
  readonly store: Store
  /** What this machine runs, with linux for its system. */
  readonly platform: Platform
  readonly environment: Readonly<Record<string, string | undefined>>
  now(): Date
  /** Tells what went wrong and is no error: each thing once. */
  warn?(message: string): void
}

/** Bytes that an archive may unpack to, of `TARE_UNPACK_LIMIT`; undefined where it does not say. */
export function unpackLimit({ environment }: Host): number | undefined {
  const text = environment['TARE_UNPACK_LIMIT']
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** The Host of this machine. The store is `home`, else `$TARE_HOME`, else `tare` in the XDG data folder (%LOCALAPPDATA% on Windows). */
export function createHost({ home, environment = process.env, report }: TareOptions = {}): Host {
  const folder = resolve(home ?? (environment['TARE_HOME'] || defaultHome(environment)))
  // What is no UTF-8 came here as this.
  if (folder.includes('\uFFFD'))
    throw new TareError('STORE_UNREADABLE', `the path of the store is not UTF-8: ${folder}`, {
      remedy: 'Set TARE_HOME to another folder.',
    })
  const machine = { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch
  const store = new Store(folder, {
    warn: (message) => report?.({ type: 'warning', rule: 'StoreRecovered', message }),
  })
  store.close()
  const told = new Set<string>()
  return {
    store,
    platform: normalizePlatform({ os: 'linux', architecture: machine }),
    environment,
    now: () => new Date(),
    warn: (message) => {
      if (told.has(message)) return
      told.add(message)
      report?.({ type: 'warning', rule: 'RegistryConfig', message })
    },
  }
}

function defaultHome(environment: Host['environment']): string {
  const local = environment['LOCALAPPDATA']
  if (process.platform === 'win32' && local) return join(local, 'tare')
  return join(environment['XDG_DATA_HOME'] || join(environment['HOME'] || homedir(), '.local', 'share'), 'tare')
}
