import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type ProcessFiles, privately } from '../../disk/index.ts'
import { explainWriteFailure } from './failures.ts'

/**
 * The cache, by kind:
 * - `layers`: a layer's index, by diffId
 * - `steps`: a step's result, by cache key
 * - `recipes`: what a step was made of, in words, by cache key
 * - `latest`: the last layer made by a step of this form, whatever its files contained
 * - `contexts`: the files' digests, by the context's folder
 * - `origins`: how and where registries have a layer compressed, by diffId
 * - `engines`: what engines have sent: which blob has which layer, and which image has which layers
 * - `downloads`: a downloaded file, by the digest of its URL
 * - `originals`: the registry's manifest of an image, by the manifest in the store; written by earlier versions
 * - `bases`: what a build read of a base in a registry, by name and platform
 */
export type RecordKind =
  | 'layers'
  | 'inspected'
  | 'steps'
  | 'recipes'
  | 'latest'
  | 'contexts'
  | 'origins'
  | 'engines'
  | 'downloads'
  | 'originals'
  | 'bases'

/** Small texts by kind and key (64 hex digits), complete or absent. Losing one costs time, nothing else. */
export class Records {
  private readonly home: string
  private readonly folder: string
  private readonly scratch: ProcessFiles
  /** How many this process has added. */
  added = 0

  constructor(home: string, folder: string, scratch: ProcessFiles) {
    this.home = home
    this.folder = folder
    this.scratch = scratch
  }

  has(kind: RecordKind, key: string): boolean {
    return existsSync(this.path(kind, key))
  }

  recall(kind: RecordKind, key: string): string | undefined {
    return this.recallBytes(kind, key)?.toString('utf8')
  }

  recallBytes(kind: RecordKind, key: string): Buffer | undefined {
    try {
      return readFileSync(this.path(kind, key))
    } catch {
      return undefined
    }
  }

  /** Returns the first `length` bytes of a record, or all if there are fewer. */
  recallStart(kind: RecordKind, key: string, length: number): Buffer | undefined {
    let fd: number | undefined
    try {
      fd = openSync(this.path(kind, key), 'r')
      const start = Buffer.alloc(length)
      return start.subarray(0, readSync(fd, start))
    } catch {
      return undefined
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }

  remember(kind: RecordKind, key: string, bytes: string | Uint8Array | readonly Uint8Array[]): void {
    try {
      const path = this.path(kind, key)
      const isNew = !this.has(kind, key)
      if (isNew) makeFolder(join(this.folder, kind), privately)
      else remove(path)
      this.scratch.place(bytes, path)
      if (isNew) this.added++
    } catch (error) {
      throw explainWriteFailure(error, this.home)
    }
  }

  forget(kind: RecordKind, key: string): void {
    rmSync(this.path(kind, key), { force: true })
  }

  all(kind: RecordKind): { readonly key: string; readonly size: number; readonly since: number }[] {
    try {
      return readdirSync(join(this.folder, kind)).flatMap((key) => {
        const stat = statSync(this.path(kind, key), { throwIfNoEntry: false })
        return stat === undefined ? [] : [{ key, size: stat.size, since: stat.mtimeMs }]
      })
    } catch {
      return []
    }
  }

  private path(kind: RecordKind, key: string): string {
    return join(this.folder, kind, key)
  }
}

/** ext4 writes a file to the disk at once if it replaces another, but not if that is removed first (ext4(5), auto_da_alloc). */
function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Another process was faster. Whatever else prevents this is told when the new file is put there.
  }
}
