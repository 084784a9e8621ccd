import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import type { BuildOptions, BuildOutput, LocalOutput } from '../../api/index.ts'
import { messageOf, systemCode, TareError } from '../../support/index.ts'

/** What an output writes to: undefined for the store, registries and standard output. */
interface Place {
  readonly path: string
  readonly real: string
  /** A folder that others may write to as well. */
  readonly isShared: boolean
  readonly isFolder: boolean
}

/** Throws `OUTPUT_INVALID` and `DESTINATION_INVALID` if outputs would overwrite or remove one another, the store, or what the build needs. */
export function refusePlaces(outputs: readonly BuildOutput[], options: BuildOptions, home: string): void {
  const toStandardOutput = outputs.filter((output) => 'to' in output && !('path' in output.to))
  if (toStandardOutput.length > 1) throw shared('standard output')
  const places = outputs.flatMap((output) => placeOf(output) ?? [])
  for (const [i, one] of places.entries())
    for (const other of places.slice(0, i)) {
      if (one.real === other.real) throw shared(one.real)
      refuseNested(one, other)
      refuseNested(other, one)
    }
  for (const place of places) refuseStore(place, home)
  for (const output of outputs) if (output.kind === 'local') refuseClearing(output, options, home)
}

function placeOf(output: BuildOutput): Place | undefined {
  if (output.kind === 'local') {
    const { path, mode } = output
    if (isFile(path))
      throw new TareError('DESTINATION_INVALID', `cannot write to ${path}: it is a file`, { remedy: 'Name a folder.' })
    return { path, real: realPath(path), isShared: mode !== 'delete', isFolder: true }
  }
  if ((output.kind !== 'archive' && output.kind !== 'tar') || !('path' in output.to)) return undefined
  const { path } = output.to
  return { path, real: realPath(path), isShared: false, isFolder: output.kind === 'archive' && output.folder === true }
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false
  } catch (error) {
    throw explainFolder(path, error)
  }
}

/** Returns what the system says of a folder as `DESTINATION_INVALID`; any other error as it is. */
export function explainFolder(path: string, error: unknown): unknown {
  const code = systemCode(error)
  if (code === undefined) return error
  const isFile = code === 'EEXIST' || code === 'ENOTDIR'
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new TareError(
    'DESTINATION_INVALID',
    `cannot write to ${path}: ${isFull ? 'no space is left there' : isFile ? 'it is no directory, or not below one' : messageOf(error)}`,
    { cause: error, remedy: isFull ? 'Free some space, or write to another disk.' : 'Name another folder.' },
  )
}

function shared(where: string): TareError {
  return refused(`several outputs go to ${where}`, 'Give each output a dest of its own.')
}

function refuseNested(inner: Place, outer: Place): void {
  if (!outer.isShared && isWithin(inner.real, outer.real))
    throw refused(`the output ${inner.path} is within another, ${outer.path}`, 'Write to a folder of its own.')
}

/** What others write into the store is lost or damages it. */
function refuseStore({ path, real, isFolder }: Place, home: string): void {
  const store = realPath(home)
  const parts = ['blobs', 'tare', 'index.json', 'oci-layout'].map((name) => join(store, name))
  if ((isFolder && real === store) || parts.some((part) => real === part || isWithin(real, part)))
    throw refused(`${path} is tare’s own store`, 'Write to a folder of its own.')
}

/** Clearing a folder must not take away what the build needs. */
function refuseClearing({ path, mode }: LocalOutput, { context }: BuildOptions, home: string): void {
  if (mode !== 'delete' || !existsSync(path)) return
  const folder = realpathSync(path)
  const needed = [
    ['the working directory', process.cwd()],
    ['the store', home],
    ['the build context', context.kind === 'directory' ? context.path : undefined],
  ] as const
  for (const [what, at] of needed) {
    if (at === undefined || !existsSync(at)) continue
    const real = realpathSync(at)
    if (real === folder || isWithin(real, folder))
      throw refused(`mode=delete would remove ${what}, which is in ${path}`, 'Write to a folder of its own.')
  }
}

function isWithin(path: string, folder: string): boolean {
  return folder === sep || path.startsWith(folder + sep)
}

/** The path without links, whether or not it exists. */
function realPath(path: string): string {
  const whole = resolve(path)
  if (existsSync(whole)) return realpathSync(whole)
  const parent = dirname(whole)
  return parent === whole ? whole : join(realPath(parent), basename(whole))
}

export function refused(message: string, remedy: string): TareError {
  return new TareError('OUTPUT_INVALID', message, { remedy })
}
