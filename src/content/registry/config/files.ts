import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { messageOf, systemCode, TareError } from '../../../support/index.ts'

/** The folder of this user's configuration. */
export function ownConfig(environment: Environment): string {
  return environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config')
}

/** undefined where there is no such file. Throws `REGISTRIES_INVALID` for one that cannot be read: it may say that a registry is blocked. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw unreadable(path, error)
  }
}

/** The same for a file that says only where something may be had faster: where root alone may read it, it says nothing to us. */
export function readIfAllowed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The `*.conf` of a folder, by their names. */
export function dropIns(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
    return names.sort().map((name) => join(folder, name))
  } catch (error) {
    if (isAbsent(error)) return []
    throw unreadable(folder, error)
  }
}

function isAbsent(error: unknown): boolean {
  return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR'
}

function unreadable(path: string, cause: unknown): TareError {
  return new TareError('REGISTRIES_INVALID', `cannot read ${path}: ${messageOf(cause)}`, {
    cause,
    remedy: 'Make it readable, or name another file in CONTAINERS_REGISTRIES_CONF.',
  })
}
