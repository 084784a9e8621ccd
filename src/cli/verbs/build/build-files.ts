import { lstatSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { replaceFile } from '../../../disk/index.ts'
import type { BuildResult } from '../../../index.ts'
import { Failure } from '../../failure.ts'
import type { ExplainedStep } from './explanations.ts'

/** Writes the image ID without a trailing newline. */
export function writeIdFile(path: string, { id }: BuildResult): void {
  writeWhole(path, id)
}

/** Throws a Failure for a directory, and for a file whose folder is missing, so that the error does not come after an hour of building. */
export function refuseUnwritable(path: string): void {
  const folder = dirname(path)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Failure(`cannot write ${path}: there is no directory ${folder}`, { remedy: 'Create it first.' })
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new Failure(`cannot write ${path}: it is a directory`, { remedy: 'Name a file in it.' })
}

/** A stale ID must not outlive a failed build. */
export function removeIdFile(path: string): void {
  if (isRegular(path)) attempt(path, () => inPlaceIfFixed(path, '', () => unlinkSync(path)))
}

/**
 * Writes the members that `docker buildx build --metadata-file` writes for an image. After a push, the digest is the registry's.
 * An index has no config; without an image there is nothing to write.
 */
export function writeMetadataFile(path: string, result: BuildResult, explained: readonly ExplainedStep[] = []): void {
  const { platform, id, outputs } = result
  const pushed = outputs.find(({ kind }) => kind === 'push')
  const isImage = outputs.some(({ digest }) => digest !== undefined)
  const { mediaType, digest, size } = pushed ?? result
  const image = namesGiven(result).map(fullName).join(',')
  const explanation = explained.length === 0 ? {} : { 'tare.explain': explained }
  const metadata = {
    ...(platform === undefined ? {} : { 'containerimage.config.digest': id }),
    'containerimage.descriptor': {
      ...{ mediaType, digest, size },
      ...(platform === undefined ? {} : { platform: platformJson(platform) }),
    },
    'containerimage.digest': digest,
    ...(image === '' ? {} : { 'image.name': image }),
    ...explanation,
  }
  writeWhole(path, JSON.stringify(isImage ? metadata : explanation, undefined, 2))
}

/** Returns the names that were given, as buildx writes them: without what `name-canonical` and `push-by-digest` add. */
function namesGiven({ names, outputs }: BuildResult): readonly string[] {
  const given = names.filter((name) => !name.includes('@'))
  const pushed = outputs.filter(({ kind }) => kind === 'push').map(({ to }) => to.replace(/@.*/, ''))
  // An image without a name may have got one with `dangling-name-prefix`.
  return [...new Set([given, pushed, names].find((some) => some.length > 0))]
}

function platformJson(platform: NonNullable<BuildResult['platform']>): object {
  const { architecture, os, osVersion, variant } = platform
  return {
    ...{ architecture, os },
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(variant === undefined ? {} : { variant }),
  }
}

/** Expands `app:1` to `docker.io/library/app:1`. */
export function fullName(familiar: string): string {
  const [first, ...rest] = familiar.split('/') as [string, ...string[]]
  if (rest.length === 0) return `docker.io/library/${familiar}`
  return /[.:]|^localhost$|[A-Z]/.test(first) ? familiar : `docker.io/${familiar}`
}

/** Replaces the file atomically. Anything but a regular file (`/dev/stdout`) is written directly. */
export function writeWhole(path: string, text: string): void {
  attempt(path, () => {
    if (exists(path) && !isRegular(path)) {
      writeFileSync(path, text)
      return
    }
    inPlaceIfFixed(path, text, () => replaceFile(path, text))
  })
}

/** A file that is mounted, as /dev/termination-log in a pod, or in a folder of others can be written, but not replaced. */
function inPlaceIfFixed(path: string, text: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!isRegular(path) || !['EBUSY', 'EACCES', 'EPERM', 'EROFS', 'EXDEV'].includes(code)) throw error
    writeFileSync(path, text)
  }
}

function attempt(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${(error as Error).message}`)
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function isRegular(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
}
