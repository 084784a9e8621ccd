import { lstatSync, rmSync, writeFileSync } from 'node:fs'
import { replaceFile } from '../../disk/index.ts'
import type { BuildResult } from '../../index.ts'
import { Failure } from '../failure.ts'

/** The image ID, without a newline at the end. */
export function writeIdFile(path: string, { id }: BuildResult): void {
  writeWhole(path, id)
}

/** A stale ID must not outlive a build that fails. */
export function removeIdFile(path: string): void {
  if (isRegular(path)) attempt(path, () => rmSync(path))
}

/** The members that `docker buildx build --metadata-file` writes for an image. */
export function writeMetadataFile(path: string, result: BuildResult): void {
  const { mediaType, digest, size } = result
  const metadata = {
    'containerimage.config.digest': result.id,
    'containerimage.descriptor': { mediaType, digest, size },
    'containerimage.digest': digest,
    ...(result.names.length === 0 ? {} : { 'image.name': result.names.map(fullName).join(',') }),
  }
  writeWhole(path, JSON.stringify(metadata, undefined, 2))
}

/** `app:1` is `docker.io/library/app:1`. */
export function fullName(familiar: string): string {
  const [first, ...rest] = familiar.split('/') as [string, ...string[]]
  if (rest.length === 0) return `docker.io/library/${familiar}`
  return /[.:]|^localhost$|[A-Z]/.test(first) ? familiar : `docker.io/${familiar}`
}

/** Under another name first, so that nobody reads half a file. What is no regular file (`/dev/stdout`) is written to. */
function writeWhole(path: string, text: string): void {
  attempt(path, () => {
    if (exists(path) && !isRegular(path)) {
      writeFileSync(path, text)
      return
    }
    replaceFile(path, text)
  })
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
