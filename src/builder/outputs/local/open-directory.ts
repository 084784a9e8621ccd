import { closeSync, constants, existsSync, fchmodSync, futimesSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { systemPath } from '../../../support/index.ts'

const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0)

let isNamed: boolean | undefined

/** A directory held open: what is reached through `at` is in it, whatever happens to the path that led there. */
export class HeldDirectory {
  private readonly fd: number
  private readonly path: string

  /** Fails for a link. */
  constructor(path: string) {
    this.fd = openSync(systemPath(path), flags)
    isNamed ??= existsSync('/proc/self/fd')
    this.path = isNamed ? `/proc/self/fd/${this.fd}` : path
  }

  at(name: string): string | Buffer {
    return systemPath(join(this.path, name))
  }

  /** Opens a directory in it. Fails for a link. */
  enter(name: string): HeldDirectory {
    return new HeldDirectory(join(this.path, name))
  }

  date(mode: number, mtime: number | undefined): void {
    fchmodSync(this.fd, mode)
    if (mtime !== undefined) futimesSync(this.fd, mtime, mtime)
  }

  close(): void {
    closeSync(this.fd)
  }
}
