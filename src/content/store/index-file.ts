import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type ProcessFiles } from '../../disk/index.ts'
import { systemCode, TareError } from '../../support/index.ts'
import { isFull } from './failures.ts'

/** The store's index.json and oci-layout, with a copy of the last index.json that a power failure cannot destroy as well. */
export class IndexFile {
  private readonly home: string
  private readonly path: string
  private readonly last: string
  private readonly scratch: ProcessFiles
  private readonly warn: (message: string) => void
  private warned = false

  constructor(home: string, scratch: ProcessFiles, warn: (message: string) => void) {
    this.home = home
    this.path = join(home, 'index.json')
    this.last = join(home, 'tare', 'index.json')
    this.scratch = scratch
    this.warn = warn
  }

  /**
   * Returns the index; if it is empty or truncated after a power failure, the last good one. Undefined if there is none. Throws
   * `STORE_UNREADABLE`.
   */
  read(): string | undefined {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
      throw new TareError('STORE_UNREADABLE', `the store in ${this.home} cannot be read: ${(error as Error).message}`, {
        cause: error,
      })
    }
    return isJson(text) ? text : (this.recovered() ?? text)
  }

  /**
   * Replaces the index. Must be called under the store's lock. Does not wait for the disk if the copy has all that matters, as
   * `isSame` tells.
   */
  write(text: string, isSame: (copy: string) => boolean): void {
    makeFolder(this.home)
    const layout = join(this.home, 'oci-layout')
    if ((statSync(layout, { throwIfNoEntry: false })?.size ?? 0) === 0)
      this.scratch.place('{"imageLayoutVersion":"1.0.0"}', layout)
    try {
      const copy = this.copy()
      // On disk before the other one is replaced.
      if (copy === undefined || !isSame(copy)) this.scratch.place(text, this.last, { sync: true })
      this.scratch.place(text, this.path)
    } catch (error) {
      if (!isFull(error)) throw error
      this.writeOnFullDisk(text)
    }
  }

  /** Removes the copy to free space. Returns whether there was one. */
  makeRoom(): boolean {
    const isThere = existsSync(this.last)
    rmSync(this.last, { force: true })
    return isThere
  }

  private copy(): string | undefined {
    try {
      const text = readFileSync(this.last, 'utf8')
      return isJson(text) ? text : undefined
    } catch {
      return undefined
    }
  }

  private recovered(): string | undefined {
    const text = this.copy()
    if (text === undefined) return undefined
    if (!this.warned)
      this.warn(`${this.path} is empty or truncated; image names were restored from its last good copy, ${this.last}`)
    this.warned = true
    return text
  }

  /** Removing images must work on a full disk: deleting the copy makes room, and an index that does not grow needs none. */
  private writeOnFullDisk(text: string): void {
    this.makeRoom()
    try {
      this.scratch.place(text, this.path)
    } catch (error) {
      const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
      const bytes = Buffer.from(text)
      if (!isFull(error) || bytes.length > size) throw error
      overwrite(this.path, bytes)
    }
    try {
      this.scratch.place(text, this.last, { sync: true })
    } catch {
      // The next change creates one.
    }
  }
}

function overwrite(path: string, bytes: Buffer): void {
  const fd = openSync(path, 'r+')
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done)
    ftruncateSync(fd, bytes.length)
  } finally {
    closeSync(fd)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
