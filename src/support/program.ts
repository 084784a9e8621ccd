import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'

// Where the program's own files are, and how it starts parts of itself: from its package, or from the single executable that
// scripts/sea.js makes, in which there are no files and no `node -e`.

/** The helpers that run in a process of their own; the single executable knows them by name. */
export type HelperName = 'walk'

/** The word after which the single executable takes a helper's name instead of a verb. */
export const helperVerb = '__helper'

/** Returns the version in tare's package.json. */
export function readVersion(): string {
  return findPackage().version
}

/** Returns the text of a file of tare's package: `dist/page.html`. */
export function readPackageFile(name: string): string {
  return findPackage().read(name)
}

/**
 * Returns a command that calls `work` in a process of its own and prints the result as JSON. `work` must be self-contained, since it is
 * passed on as text; its arguments have to be JSON.
 */
export function helperCommand(
  name: HelperName,
  work: (...args: never[]) => unknown,
  args: readonly unknown[],
): readonly string[] {
  const json = JSON.stringify(args)
  if (findPackage().isEmbedded) return [process.execPath, helperVerb, name, json]
  return [process.execPath, '-e', `process.stdout.write(JSON.stringify((${work.toString()})(...${json})))`]
}

/**
 * Starts a thread that calls `work` with a copy of the data. `work` must be self-contained: as text, it is the same in sources, modules
 * and bundles.
 */
export async function startWorker<T>(work: (data: T) => unknown, data?: T): Promise<Worker> {
  // Imported here because most calls need no second thread.
  const { Worker } = await import('node:worker_threads')
  // Flags of Node such as --input-type=module would make the text something other than a script.
  const options = { eval: true, execArgv: [], workerData: data }
  return new Worker(`(${work.toString()})(require('node:worker_threads').workerData)`, options)
}

interface Package {
  readonly version: string
  /** Whether this is the single executable. */
  readonly isEmbedded: boolean
  read(name: string): string
}

let found: Package | undefined

function findPackage(): Package {
  found ??= embeddedPackage() ?? packageAbove(dirname(fileURLToPath(import.meta.url)))
  if (found === undefined) throw new Error('the package.json of tare is missing')
  return found
}

/** The package is in a folder above this file: in which one depends on the bundle. */
function packageAbove(folder: string): Package | undefined {
  const file = join(folder, 'package.json')
  const version = existsSync(file) ? versionIn(readFileSync(file, 'utf8')) : undefined
  if (version !== undefined)
    return { version, isEmbedded: false, read: (name) => readFileSync(join(folder, name), 'utf8') }
  return folder === dirname(folder) ? undefined : packageAbove(dirname(folder))
}

/** Undefined also in the single executable of another program that contains the library. */
function embeddedPackage(): Package | undefined {
  const sea = process.getBuiltinModule('node:sea') as typeof import('node:sea') | undefined
  if (!sea?.isSea()) return undefined
  try {
    const version = versionIn(sea.getAsset('package.json', 'utf8'))
    if (version !== undefined) return { version, isEmbedded: true, read: (name) => sea.getAsset(name, 'utf8') }
  } catch {}
  return undefined
}

/** Returns undefined unless it is tare's. */
function versionIn(packageJson: string): string | undefined {
  const content = JSON.parse(packageJson) as { name?: unknown; version?: unknown }
  return content.name === 'tare' && typeof content.version === 'string' ? content.version : undefined
}
