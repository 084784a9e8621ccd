import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../disk/index.ts'
import { decompress } from '../../files/compression/index.ts'
import { looksLikeTar, tarHeadLength } from '../../files/tar/index.ts'
import { type Bytes, messageOf, readPipe, systemCode, TareError } from '../../support/index.ts'
import { type ArchiveFiles, withLabel } from './archive-files.ts'
import { openFolderShelf } from './folder-files.ts'
import { looksLike } from './looks-like.ts'
import { openTarShelf } from './tar-files.ts'
import type { ArchiveInput, OpenOptions } from './types.ts'

/**
 * Opens what the user named: a folder or plain tar file in place; anything else is first decompressed into the scratch folder.
 * Rejects with `ARCHIVE_MISSING`, `ARCHIVE_UNREADABLE`, `ARCHIVE_EMPTY`, `ARCHIVE_UNKNOWN` and `TAR_…`.
 */
export async function openFiles(input: ArchiveInput, options: OpenOptions): Promise<ArchiveFiles> {
  if (typeof input !== 'string') return openSpooled(input, 'the archive', options)
  const found = await stat(input).catch((cause) => {
    throw unreadable(input, cause)
  })
  if (found.isDirectory()) return openFolderShelf(input)
  if (found.isFIFO()) return openSpooled(readPipe(input, options.signal), input, options)
  const file = await open(input).catch((cause) => {
    throw unreadable(input, cause)
  })
  try {
    if (found.isFile()) {
      const head = await headOf(file, found.size)
      if (found.size === 0) throw empty(input)
      if (looksLikeTar(head)) return openTarShelf(file, found.size, input, input)
    }
    // A device or a compressed file is read sequentially.
    const shelf = await openSpooled(file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }), input, options)
    await file.close()
    return shelf
  } catch (error) {
    await file.close()
    throw error
  }
}

async function openSpooled(bytes: Bytes, label: string, options: OpenOptions): Promise<ArchiveFiles> {
  const { format, bytes: plain } = await decompress(bytes, options.unpackLimit)
  const file = await openScratch(label, options.scratch)
  try {
    let size = 0
    let head: Uint8Array = new Uint8Array()
    const judge = () => {
      if (!looksLikeTar(head)) throw unknown(label, format, head)
    }
    for await (const chunk of labelled(label, plain)) {
      options.signal?.throwIfAborted()
      if (head.length < tarHeadLength) {
        head = Buffer.concat([head, chunk.subarray(0, tarHeadLength - head.length)])
        if (head.length === tarHeadLength) judge()
      }
      await writeScratch(file, chunk, label, options.scratch)
      size += chunk.length
    }
    if (size === 0) throw empty(label)
    judge()
    return openTarShelf(file, size, label, namelessPath(file))
  } catch (error) {
    await file.close()
    throw error
  }
}

async function* labelled(label: string, bytes: Bytes): Bytes {
  try {
    yield* bytes
  } catch (error) {
    throw withLabel(label, error)
  }
}

async function openScratch(label: string, folder: string): Promise<FileHandle> {
  const path = join(folder, `archive-${randomBytes(8).toString('hex')}.tar`)
  try {
    makeFolder(folder, 0o777)
    const file = await open(path, 'wx+', 0o600)
    // Unlinked at once, so that it disappears with the last process that has it open, even one that is killed.
    await rm(path)
    return file
  } catch (cause) {
    throw scratchFailed(label, folder, cause)
  }
}

/** Where a file without a name can still be opened, as long as this process has it open. */
function namelessPath({ fd }: FileHandle): string | undefined {
  return process.platform === 'linux' ? `/proc/${process.pid}/fd/${fd}` : undefined
}

async function writeScratch(file: FileHandle, chunk: Uint8Array, label: string, folder: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten
  } catch (cause) {
    throw scratchFailed(label, folder, cause)
  }
}

function scratchFailed(label: string, folder: string, cause: unknown): TareError {
  return new TareError('ARCHIVE_SCRATCH', `${label} cannot be unpacked into ${folder}: ${messageOf(cause)}`, {
    remedy:
      'A compressed archive needs space there for its contents. A plain tar file is read in place and needs none.',
    cause,
  })
}

async function headOf(file: FileHandle, size: number): Promise<Uint8Array> {
  const head = Buffer.alloc(Math.min(size, tarHeadLength))
  const { bytesRead } = await file.read(head, 0, head.length, 0)
  return head.subarray(0, bytesRead)
}

function empty(label: string): TareError {
  return new TareError('ARCHIVE_EMPTY', `${label} is empty (0 bytes)`, {
    remedy: 'The command that should have written it may have failed: in a pipe, only the last exit code counts.',
  })
}

function unknown(label: string, format: string, head: Uint8Array): TareError {
  const what = looksLike(head)
  return new TareError(
    'ARCHIVE_UNKNOWN',
    format === 'none'
      ? `${label} is not an image archive: it looks like ${what}`
      : `${label} is not an image archive: inside its ${format} compression it looks like ${what}`,
    {
      remedy:
        what === 'a Dockerfile'
          ? 'To build an image from it: tare build'
          : 'An image archive is a tar, compressed or not, made by `docker save`, `skopeo copy` or `tare save`.',
    },
  )
}

function unreadable(path: string, cause: unknown): TareError {
  const code = systemCode(cause)
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? new TareError('ARCHIVE_MISSING', `${path} does not exist`, { remedy: 'Check the path.', cause })
    : new TareError('ARCHIVE_UNREADABLE', `${path} cannot be read: ${messageOf(cause)}`, {
        remedy: 'Check its permissions.',
        cause,
      })
}
