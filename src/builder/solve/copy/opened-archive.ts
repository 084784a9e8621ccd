import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { decompress, decompressSmall, sniff } from '../../../files/compression/index.ts'
import { spool } from '../../../files/context/index.ts'
import { ContentReader, pieces } from '../../../files/layer/index.ts'
import { type Archive, looksLikeTar, type StoredRun, scanTar, tarHeadLength } from '../../../files/tar/index.ts'
import type { Content, RegularFile } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Tools } from '../tools.ts'

/** A tar archive opened for unpacking. */
export interface OpenedArchive {
  readonly archive: Archive
  contentAt(runs: readonly StoredRun[], size: number): Content
  /** Releases it: its contents can no longer be read. */
  close(): void
}

type ArchiveTools = Pick<Tools, 'store' | 'unpackLimit' | 'signal'>

/** Whether an archive has an entry whose parent directory has none before it. Throws as `openForUnpacking` does. */
export async function hasUnlistedParents(file: RegularFile, tools: ArchiveTools): Promise<boolean> {
  const opened = await openForUnpacking(file, tools)
  if (opened === undefined) return false
  try {
    const listed = new Set(['.', ''])
    for (const { kind, path } of scanTar(opened.archive)) {
      const clean = posix.join('/', path).slice(1).replace(/\/$/, '')
      if (!listed.has(posix.dirname(clean))) return true
      if (kind === 'directory') listed.add(clean)
    }
    return false
  } finally {
    opened.close()
  }
}

// Up to this size an archive is inflated in memory, which holds the file and its output, limited to twice this size.
const smallFile = 8 << 20
const smallArchive = 48 << 20

/**
 * Opens the file if it is a tar archive, compressed or not, whatever its name. Throws `ARCHIVE_CORRUPT` if it turns out to be
 * damaged, and `ARCHIVE_BOMB`.
 */
export async function openForUnpacking(file: RegularFile, tools: ArchiveTools): Promise<OpenedArchive | undefined> {
  const format = archiveFormat(file)
  if (format === undefined || format === 'tar') return format && plainArchive(file)
  if (file.size <= smallFile) {
    const small = await inflateSmall(readAll(file), Math.min(smallArchive, tools.unpackLimit ?? smallArchive))
    if (small !== undefined) return looksLikeTar(small) ? memoryArchive(small) : undefined
  }
  return inflatedArchive(file, tools)
}

/** Returns what a file is that ADD may unpack: a tar, or something compressed that may be one. */
export function archiveFormat(file: RegularFile): 'tar' | Exclude<ReturnType<typeof sniff>, 'none'> | undefined {
  const head = readHead(file)
  const format = sniff(head)
  // Text may start like a bzip2 file.
  const isText = format === 'bzip2' && !bzip2Blocks.includes(head.toString('hex', 4, 10))
  if (format !== 'none' && !isText) return format
  return looksLikeTar(head) ? 'tar' : undefined
}

// The start of a bzip2 block, and the end of a file without any.
const bzip2Blocks = ['314159265359', '177245385090']

/** Returns the bytes of a small gzip whose output is small too; undefined for anything else. */
async function inflateSmall(bytes: Buffer, most: number): Promise<Buffer | undefined> {
  try {
    return await decompressSmall(bytes, most)
  } catch (error) {
    if (error instanceof TareError && error.code === 'ARCHIVE_BOMB') return undefined
    throw error
  }
}

function readHead(file: RegularFile): Buffer {
  const head = Buffer.alloc(Math.min(file.size, tarHeadLength))
  const reader = new ContentReader()
  reader.read(file.content, head, 0)
  reader.close()
  return head
}

function readAll(file: RegularFile): Buffer {
  const reader = new ContentReader()
  const bytes = Buffer.allocUnsafe(file.size)
  reader.read(file.content, bytes, 0)
  reader.close()
  return bytes
}

function plainArchive(file: RegularFile): OpenedArchive {
  const reader = new ContentReader()
  const { content, size } = file
  const read = (into: Uint8Array, position: number): number => {
    const count = Math.max(0, Math.min(into.length, size - position))
    if (count > 0) reader.read(content, into.subarray(0, count), position)
    return count
  }
  return {
    archive: { size, read },
    contentAt: (runs, length) => within(content, runs, length),
    close: () => reader.close(),
  }
}

/** Returns the content stored in these runs of another one. */
function within(content: Content, runs: readonly StoredRun[], size: number): Content {
  if (content.kind === 'inline') return { kind: 'inline', bytes: assemble(content.bytes, runs, size) }
  if (content.kind === 'sparse') throw new Error('an archive in a file with holes is read through a copy')
  const moved = runs.map((run) => ({ ...run, at: run.at + content.offset }))
  return moved.length === 1 && moved[0]!.length === size
    ? { kind: 'extent', path: content.path, offset: moved[0]!.at }
    : { kind: 'sparse', path: content.path, runs: moved }
}

function assemble(bytes: Uint8Array, runs: readonly StoredRun[], size: number): Uint8Array {
  if (runs.length === 1 && runs[0]!.length === size) return bytes.subarray(runs[0]!.at, runs[0]!.at + size)
  const whole = new Uint8Array(size)
  for (const run of runs) whole.set(bytes.subarray(run.at, run.at + run.length), run.position)
  return whole
}

function memoryArchive(bytes: Buffer): OpenedArchive {
  const read = (into: Uint8Array, position: number) => bytes.copy(into, 0, position)
  return {
    archive: { size: bytes.length, read },
    contentAt: (runs, size) => ({ kind: 'inline', bytes: assemble(bytes, runs, size) }),
    close: () => {},
  }
}

async function inflatedArchive(file: RegularFile, tools: ArchiveTools): Promise<OpenedArchive | undefined> {
  const { path, discard } = tools.store.reserve()
  try {
    const { bytes } = await decompress(copies(file), tools.unpackLimit)
    await spool(path, bytes, tools.signal)
    const fd = openSync(path, 'r')
    const size = statSync(path).size
    const head = Buffer.alloc(Math.min(size, tarHeadLength))
    readSync(fd, head, 0, head.length, 0)
    const close = () => {
      closeSync(fd)
      rmSync(path, { force: true })
    }
    if (!looksLikeTar(head)) {
      close()
      return undefined
    }
    const archive: Archive = { size, read: (into, position) => readSync(fd, into, 0, into.length, position) }
    return { archive, contentAt: (runs, length) => within({ kind: 'extent', path, offset: 0 }, runs, length), close }
  } catch (error) {
    discard()
    throw tools.store.explain(error)
  }
}

/** Yields the file's bytes in pieces that stay valid, since the decompressor reads ahead. */
async function* copies(file: RegularFile): AsyncGenerator<Uint8Array> {
  const reader = new ContentReader()
  try {
    for (const piece of pieces(file.content, file.size, reader)) yield Buffer.from(piece)
  } finally {
    reader.close()
  }
}
