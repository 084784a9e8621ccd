import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../../net/index.ts'
import { messageOf, systemCode, TareError } from '../../../support/index.ts'

/** Returns the user's configuration folder. */
export function ownConfig(environment: Environment): string {
  return environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config')
}

/** Returns undefined if the file does not exist. Throws `REGISTRIES_INVALID` if it cannot be read: it might block a registry. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw unreadable(path, error)
  }
}

/** The same for a file that only names faster sources: one that only root may read is ignored. */
export function readIfAllowed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Lists the `*.conf` files of a folder, sorted by name. */
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
