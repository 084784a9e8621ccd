import { closeSync, constants, fchmodSync, fstatSync, futimesSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import { systemCode, systemPath, TareError } from '../../../support/index.ts'

/** A directory held open: paths from `at` stay in it, whatever happens to the path that led there. */
export interface OpenDirectory {
  readonly fd: number
  /** Returns a path for the name in it, usable in any call. */
  at(name: string): string
}

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/**
 * Runs something in a directory below the root. Each path component is opened relative to the previous one, and none may be a
 * symlink. With `made`, missing ones are created and passed to it. Throws `MOUNT_TARGET_INVALID` if one is something else.
 */
export function inDirectory<T>(
  root: string,
  place: string,
  work: (directory: OpenDirectory) => T,
  made?: (place: string) => void,
): T {
  let directory = opened(openSync(root, flags))
  try {
    let here = ''
    for (const part of place.split('/').filter(Boolean)) {
      here += `/${part}`
      const next = opened(enter(directory, part, here, made))
      closeSync(directory.fd)
      directory = next
    }
    return work(directory)
  } finally {
    closeSync(directory.fd)
  }
}

function opened(fd: number): OpenDirectory {
  return { fd, at: (name) => `/proc/self/fd/${fd}/${name}` }
}

/** Creates a directory below the root, and what is missing on the way. */
export function makeDirectory(root: string, place: string): void {
  const nothing = () => {}
  inDirectory(root, place, nothing, nothing)
}

function enter(directory: OpenDirectory, part: string, here: string, made?: (place: string) => void): number {
  const path = systemPath(directory.at(part))
  try {
    return openSync(path, flags)
  } catch (error) {
    if (systemCode(error) === 'ELOOP' || systemCode(error) === 'ENOTDIR')
      throw new TareError(
        'MOUNT_TARGET_INVALID',
        `cannot mount at or below ${here}: it is a link, or not a directory`,
        {
          remedy: 'The path to a target inside another mount may contain only directories.',
        },
      )
    if (systemCode(error) !== 'ENOENT' || made === undefined) throw error
  }
  keepingTime(directory, () => mkdirSync(path, { mode: 0o755 }))
  const fd = openSync(path, flags)
  fchmodSync(fd, 0o755)
  made(here.slice(1))
  return fd
}

/** Runs something in the directory, then restores its times. */
export function keepingTime({ fd }: OpenDirectory, work: () => void): void {
  const { mtimeMs, atimeMs } = fstatSync(fd)
  work()
  futimesSync(fd, atimeMs / 1000, mtimeMs / 1000)
}

export function isThere(path: string): boolean {
  return lstatSync(systemPath(path), { throwIfNoEntry: false }) !== undefined
}
