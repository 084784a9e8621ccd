import { documentLimit } from '../../oci/index.ts'
import { type Bytes, collect, TareError } from '../../support/index.ts'
import type { FileExtent } from './types.ts'

/** One file of an archive. */
export interface Item {
  readonly size: number
  /** Where its bytes lie on the disk, in one piece: may be read until the archive is closed. Undefined where they do not. */
  readonly at?: FileExtent | undefined
  /** The first bytes, as many as `length` or as there are. */
  head(length: number): Promise<Uint8Array>
  open(): Bytes
}

/** An archive as a place where files have names, be it a tar or a folder. Names are without `./` and are not followed out of it. */
export interface ArchiveFiles {
  /** What messages call the archive. */
  readonly label: string
  /** The file of that name, through links; undefined where there is none. Rejects with `ARCHIVE_PATH_ESCAPES`. */
  find(path: string): Promise<Item | undefined>
  /** Names that it holds, as far as they help to say what it is: of a folder, its own; of a tar, all. */
  names(): Promise<readonly string[]>
  close(): Promise<void>
}

/** The file, or `ARCHIVE_MEMBER_MISSING`. `namedBy` is the document that speaks of it. */
export async function need(shelf: ArchiveFiles, path: string, namedBy: string): Promise<Item> {
  const item = await shelf.find(path)
  if (item !== undefined) return item
  throw new TareError('ARCHIVE_MEMBER_MISSING', `${shelf.label} has no member "${path}", which ${namedBy} names`, {
    remedy: 'The archive is incomplete: save the image again.',
  })
}

/** A document of the archive, whole. Rejects with `ARCHIVE_INVALID` when it is too large to be one. */
export async function readDocument(shelf: ArchiveFiles, item: Item, name: string): Promise<Buffer> {
  if (item.size > documentLimit)
    throw invalid(shelf, `its ${name} has ${item.size} bytes, and a document may have ${documentLimit}`)
  return collect(item.open(), documentLimit)
}

/** What a room that knows no file names found wrong, with the name of the archive before it. */
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
 * A name within the archive, without `.` and `..`. Throws `ARCHIVE_PATH_ESCAPES` where it is absolute or leads out:
 * honest tools write no such names, and what follows them reads the host's files. `from` is the folder it starts in.
 */
export function innerPath(label: string, path: string, from = ''): string {
  const escapes = () =>
    new TareError('ARCHIVE_PATH_ESCAPES', `${label} names a file outside of itself: "${path}"`, {
      remedy: 'Such an archive may be an attack, and was not read any further.',
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
