import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Returns the version in tare's package.json. */
export function readVersion(): string {
  return findPackage().version
}

/** Returns the folder of tare's package, with dist/ in it. */
export function packageFolder(): string {
  return findPackage().folder
}

/** The package is in a folder above this file: in which one depends on the bundle. */
function findPackage(): { readonly folder: string; readonly version: string } {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (!existsSync(file)) continue
    const content = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown }
    if (content.name === 'tare' && typeof content.version === 'string') return { folder, version: content.version }
  }
  throw new Error('the package.json of tare is missing')
}
