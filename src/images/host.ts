import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LoginCallOptions, TareOptions } from '../api/index.ts'
import { Store } from '../content/store/index.ts'
import { normalizePlatform, type Platform } from '../oci/index.ts'
import { TareError } from '../support/index.ts'

/** What verbs need from the outside world. */
export interface Host {
  readonly store: Store
  /** What this machine runs, with linux as the operating system. */
  readonly platform: Platform
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Logins that come before those that are stored, by registry. */
  readonly credentials?: LoginCallOptions['credentials']
  now(): Date
  /** Milliseconds before a request that failed is sent again; each further time twice as many. */
  readonly retryDelay?: number | undefined
  /** Milliseconds that a build waits for a registry it could do without. Default: 5,000. */
  readonly registryPatience?: number | undefined
  /** Reports a problem that is not an error, each only once. */
  warn?(message: string): void
}

/** Returns TARE_UNPACK_LIMIT, the maximum unpacked size of an archive in bytes; undefined if it is not set. */
export function unpackLimit({ environment }: Host): number | undefined {
  const text = environment['TARE_UNPACK_LIMIT']
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/**
 * Returns the Host for this machine. The store is `home`, otherwise `$TARE_HOME`, otherwise `tare` in the XDG data folder
 * (%LOCALAPPDATA% on Windows).
 */
export function createHost({ home, environment = process.env, report }: TareOptions = {}): Host {
  const folder = resolve(home ?? (environment['TARE_HOME'] || defaultHome(environment)))
  // Node replaces bytes that are not UTF-8 with this.
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
