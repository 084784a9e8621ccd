import { documentLimit } from '../../oci/index.ts'
import { type Bytes, collect, TareError } from '../../support/index.ts'
import type { FileExtent } from './types.ts'

/** A file in an archive. */
export interface Item {
  readonly size: number
  /** Where its bytes are on disk, in one piece; may be read until the archive is closed. Undefined if they are not. */
  readonly at?: FileExtent | undefined
  /** Returns the first `length` bytes, or all if there are fewer. */
  head(length: number): Promise<Uint8Array>
  open(): Bytes
}

/**
 * The files of an archive by name, whether it is a tar or a folder. Names have no `./`, and are never followed out of the
 * archive.
 */
export interface ArchiveFiles {
  /** The archive's name in messages. */
  readonly label: string
  /**
   * Returns the file with this name, following links; undefined if there is none. Rejects with `ARCHIVE_PATH_ESCAPES`.
   */
  find(path: string): Promise<Item | undefined>
  /** Lists names that help to identify the archive: a folder's top level, or everything in a tar. */
  names(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Returns a file or rejects with `ARCHIVE_MEMBER_MISSING`. `namedBy` is the document that refers to it. */
export async function need(shelf: ArchiveFiles, path: string, namedBy: string): Promise<Item> {
  const item = await shelf.find(path)
  if (item !== undefined) return item
  throw new TareError('ARCHIVE_MEMBER_MISSING', `${shelf.label} has no member "${path}", which ${namedBy} refers to`, {
    remedy: 'The archive is incomplete: save the image again.',
  })
}

/** Reads a document whole. Rejects with `ARCHIVE_INVALID` if it is too large to be one. */
export async function readDocument(shelf: ArchiveFiles, item: Item, name: string): Promise<Buffer> {
  if (item.size > documentLimit)
    throw invalid(shelf, `its ${name} has ${item.size} bytes, and the limit for a document is ${documentLimit}`)
  return collect(item.open(), documentLimit)
}

/** Adds the archive's name to an error from a room that does not know it. */
export function withLabel(label: string, error: unknown): unknown {
  if (!(error instanceof TareError)) return error
  return new TareError(error.code, `${label}: ${error.message}`, { remedy: error.remedy, cause: error })
}

export function invalid(shelf: ArchiveFiles, why: string, cause?: unknown): TareError {
  return new TareError('ARCHIVE_INVALID', `${shelf.label} is not a valid image archive: ${why}`, {
    remedy: 'Save the image again, with `docker save`, `skopeo copy` or `tare save`.',
    cause,
  })
}

/**
 * Normalizes a name within the archive. Throws `ARCHIVE_PATH_ESCAPES` if it is absolute or leads out: honest tools write no such
 * names, and following them would read the host's files. `from` is the folder it is relative to.
 */
export function innerPath(label: string, path: string, from = ''): string {
  const escapes = () =>
    new TareError('ARCHIVE_PATH_ESCAPES', `${label} refers to a file outside the archive: "${path}"`, {
      remedy: 'Such an archive may be an attack; it was not read any further.',
    })
  if (path.startsWith('/') || path.includes('\0')) throw escapes()
  const parts: string[] = []
  for (const part of [...from.split('/'), ...path.split('/')]) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) throw escapes()
  }
  return parts.join('/')
}
