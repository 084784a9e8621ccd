import { type FileHandle, open, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, replaceFile, replacementFor, withLock } from '../../disk/index.ts'
import {
  type Descriptor,
  type Digest,
  descriptorJson,
  documentLimit,
  goJson,
  kindOfDocument,
  mediaTypes,
  parseDocument,
  type Reference,
} from '../../oci/index.ts'
import { type Bytes, messageOf, systemCode, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'
import { openFolderShelf } from './folder-files.ts'
import { blobPath, labelNotes, nameNotes, refNameAnnotation } from './oci-format.ts'
import { layoutRoots, openBlob, rootNamed } from './oci-images.ts'
import type { LayoutWriter } from './types.ts'

type Json = Record<string, unknown>

const layoutLock = '.index.json.lock'

/**
 * Opens an OCI layout in a folder, created if missing; existing content is kept. Blobs are written atomically, and so is
 * index.json. `notes` are annotations of what gets a name. Rejects with `ARCHIVE_UNWRITABLE` if the folder holds anything else.
 */
export async function openLayout(folder: string, notes: Readonly<Record<string, string>> = {}): Promise<LayoutWriter> {
  const found = await look(folder)
  return new LayoutFolder(folder, found === 'new', notes)
}

async function look(folder: string): Promise<'new' | 'layout'> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return 'new'
    throw systemCode(cause) === 'ENOTDIR'
      ? refuse(folder, 'it is a file', 'For an archive, write oci-archive:PATH.', cause)
      : refuse(folder, messageOf(cause), 'Name a folder of your own.', cause)
  }
  if (names.length === 0) return 'new'
  // If it contains neither, another process may be creating a layout right now.
  const begun = names.every((name) => name === 'blobs' || name.startsWith(layoutLock) || name.endsWith('.part'))
  if (begun || names.includes('oci-layout') || names.includes('index.json')) return 'layout'
  throw refuse(folder, 'it contains other files and no OCI layout', 'Choose a new folder, or one with an OCI layout.')
}

class LayoutFolder implements LayoutWriter {
  private readonly folder: string
  /** True until the folder is visible to others: until then, it can be removed after a failure. */
  private fresh: boolean
  private readonly written: Digest[] = []
  /** Blobs written by others, possibly by a process that then gives up. */
  private readonly found = new Map<Digest, Descriptor>()

  private readonly notes: Readonly<Record<string, string>>

  constructor(folder: string, fresh: boolean, notes: Readonly<Record<string, string>>) {
    this.folder = folder
    this.fresh = fresh
    this.notes = notes
  }

  async resolve(name: Reference): Promise<Descriptor | undefined> {
    const shelf = openFolderShelf(this.folder)
    const index = await shelf.find('index.json').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    return index === undefined ? undefined : rootNamed(await layoutRoots(shelf, index), name)
  }

  async open(blob: Descriptor): Promise<Bytes> {
    if (!(await this.has(blob))) throw missing(this.folder, blob)
    return openBlob(openFolderShelf(this.folder), blob)
  }

  async has(blob: Descriptor): Promise<boolean> {
    const there = await this.isThere(blob)
    if (there && !this.written.includes(blob.digest)) this.found.set(blob.digest, blob)
    return there
  }

  async put(blob: Descriptor, from: () => Promise<Bytes>): Promise<void> {
    if (await this.has(blob)) return
    const path = join(this.folder, blobPath(blob.digest))
    const made = replacementFor(path)
    const bytes = verified(await from(), blob)
    const file = await this.answering(async () => {
      makeFolder(join(this.folder, 'blobs', 'sha256'), 0o777)
      return open(made.path, 'wx')
    })
    try {
      for await (const chunks of gathered(bytes)) await this.answering(() => writeAll(file, chunks))
      await this.answering(async () => {
        await file.close()
        made.keep()
      })
    } catch (error) {
      await file.close().catch(() => {})
      made.discard()
      throw error
    }
    this.written.push(blob.digest)
  }

  tag(name: Reference, blob: Descriptor): Promise<void> {
    return this.point(blob, { ...this.notes, ...nameNotes(name) })
  }

  label(text: string | undefined, blob: Descriptor): Promise<void> {
    return this.point(blob, text === undefined ? {} : labelNotes(text))
  }

  async abort(): Promise<void> {
    if (!this.fresh) return
    const removing = async () => {
      if ((await stat(join(this.folder, 'index.json')).catch(() => undefined)) !== undefined) return
      for (const digest of this.written) await rm(join(this.folder, blobPath(digest)), { force: true })
    }
    if (this.written.length > 0) await withLayoutLock(this.folder, removing)
    // Removed only if empty.
    for (const part of ['blobs/sha256', 'blobs', '.']) await rmdir(join(this.folder, part)).catch(() => {})
  }

  /** Adds an entry to index.json and takes the name from the entry that had it. Everything else stays as other tools wrote it. */
  private async point(blob: Descriptor, notes: Readonly<Record<string, string>>): Promise<void> {
    const { mediaType, digest, size, platform } = blob
    await this.answering(async () => {
      await withLayoutLock(this.folder, async () => {
        for (const other of this.found.values()) if (!(await this.isThere(other))) throw missing(this.folder, other)
        const path = join(this.folder, 'index.json')
        const old = await readFile(path).catch((error: unknown) => {
          if (systemCode(error) === 'ENOENT') return Buffer.from('{"schemaVersion":2,"manifests":[]}')
          throw error
        })
        const index: Json = parseDocument(old.subarray(0, documentLimit), `the index.json of ${this.folder}`)
        kindOfDocument(index, `the index.json of ${this.folder}`, mediaTypes.index)
        const entries = Array.isArray(index['manifests']) ? (index['manifests'] as Json[]) : []
        const label = notes[refNameAnnotation]
        const kept = entries.filter(
          (entry) => labelOf(entry) !== label || (label === undefined && entry['digest'] !== digest),
        )
        const annotations = Object.keys(notes).length === 0 ? {} : { annotations: notes }
        const entry = descriptorJson({ mediaType, digest, size, ...(platform && { platform }), ...annotations })
        const json = goJson({ schemaVersion: 2, mediaType: mediaTypes.index, ...index, manifests: [...kept, entry] })
        await replace(join(this.folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}', true)
        await replace(path, json)
      })
    })
    this.fresh = false
  }

  private async isThere({ digest, size }: Descriptor): Promise<boolean> {
    // A blob that another tool was writing when it was killed is shorter, and is written again.
    const found = await stat(join(this.folder, blobPath(digest))).catch(() => undefined)
    return found?.isFile() === true && found.size === size
  }

  /** Turns system errors of a write into TareErrors. */
  private async answering<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof TareError || systemCode(cause) === undefined) throw cause
      const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(cause)!)
      throw full
        ? refuse(this.folder, 'no space is left there', 'Free some space, or write to another disk.', cause)
        : refuse(this.folder, messageOf(cause), 'Name a folder you can write to.', cause)
    }
  }
}

function labelOf(entry: Json): string | undefined {
  const label = (entry['annotations'] as Json | undefined)?.[refNameAnnotation]
  return typeof label === 'string' ? label : undefined
}

async function replace(path: string, text: string, once = false): Promise<void> {
  if (once && (await stat(path).catch(() => undefined)) !== undefined) return
  replaceFile(path, text)
}

/** Runs `work` while no other tare process changes the layout's index.json. There is no lock shared with other tools. */
function withLayoutLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, layoutLock)
  const busy = () =>
    new TareError('ARCHIVE_UNWRITABLE', `another process has locked ${path} for 30 seconds`, {
      remedy: 'If none is running, remove that file.',
    })
  return withLock(path, work, busy)
}

// One write for each 64 KiB from a connection would take longer than copying them together.
const atOnce = 1 << 20

/** Groups chunks into batches worth a write. */
async function* gathered(bytes: Bytes): AsyncGenerator<readonly Uint8Array[]> {
  let chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    chunks.push(chunk)
    size += chunk.length
    if (size < atOnce) continue
    yield chunks
    chunks = []
    size = 0
  }
  if (size > 0) yield chunks
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const { bytesWritten } = await file.writev([...chunks])
  const rest = chunks.reduce((sum, { length }) => sum + length, 0) - bytesWritten
  if (rest === 0) return
  // A nearly full disk may accept less.
  const left = Buffer.concat(chunks).subarray(-rest)
  for (let done = 0; done < left.length; ) done += (await file.write(left, done)).bytesWritten
}

function missing(folder: string, { digest }: Descriptor): TareError {
  return new TareError('BLOB_MISSING', `${folder} has no blob ${digest}`, { remedy: 'Copy the image again.' })
}

function refuse(folder: string, why: string, remedy: string, cause?: unknown): TareError {
  return new TareError('ARCHIVE_UNWRITABLE', `${folder} cannot be written as an OCI layout: ${why}`, { remedy, cause })
}
