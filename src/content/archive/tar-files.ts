import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { type Archive, type StoredEntry, scanTar } from '../../files/tar/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import { type ArchiveFiles, type Item, innerPath, withLabel } from './archive-files.ts'
import type { FileExtent } from './types.ts'

const chunkSize = 1 << 20

// More than any archive needs, and few enough to end a cycle at once.
const mostLinks = 16

/**
 * Opens a tar file in place: only headers are read until a member is opened. Closing the result closes the file. Throws a
 * TareError `TAR_…`, prefixed with `label`, or `ARCHIVE_PATH_ESCAPES`.
 */
export function openTarShelf(file: FileHandle, size: number, label: string, onDisk?: string): ArchiveFiles {
  const archive: Archive = {
    size,
    read: (into, position) => readSync(file.fd, into, 0, into.length, position),
  }
  const entries = new Map<string, StoredEntry>()
  // Of duplicate names the last one counts, as when unpacking.
  for (const entry of labelled(label, scanTar(archive))) entries.set(innerPath(label, entry.path), entry)

  const follow = (path: string): StoredEntry | undefined => {
    let at = innerPath(label, path)
    for (let links = 0; links <= mostLinks; links++) {
      const entry = entries.get(at)
      if (entry?.kind === 'symlink') at = innerPath(label, entry.link ?? '', at.replace(/[^/]*$/, ''))
      else if (entry?.kind === 'hardlink' && entry.link !== at) at = innerPath(label, entry.link ?? '')
      else return entry?.kind === 'file' ? entry : undefined
    }
    throw new TareError('ARCHIVE_INVALID', `the links in ${label} form a cycle at "${path}"`, {
      remedy: 'Save the image again; a valid image archive has no such links.',
    })
  }

  return {
    label,
    find: async (path) => {
      const entry = follow(path)
      return entry === undefined ? undefined : itemOf(file, entry, label, onDisk)
    },
    names: async () => [...entries.keys()],
    close: () => file.close(),
  }
}

function itemOf(file: FileHandle, entry: StoredEntry, label: string, path: string | undefined): Item {
  return {
    size: entry.size,
    at: path === undefined ? undefined : extentOf(entry, path),
    head: async (length) => {
      for await (const chunk of bodyOf(file, entry, label, length)) return chunk.subarray(0, length)
      return new Uint8Array()
    },
    open: () => bodyOf(file, entry, label, chunkSize),
  }
}

function extentOf({ size, runs }: StoredEntry, path: string): FileExtent | undefined {
  const [run] = runs
  return run?.length === size ? { path, offset: run.at, size } : undefined
}

async function* bodyOf(file: FileHandle, entry: StoredEntry, label: string, chunk: number): Bytes {
  let position = 0
  for (const run of entry.runs) {
    yield* zeros(run.position - position)
    for (let done = 0; done < run.length; ) {
      const into = Buffer.allocUnsafe(Math.min(chunk, run.length - done))
      const { bytesRead } = await file.read(into, 0, into.length, run.at + done)
      if (bytesRead === 0)
        throw new TareError('TAR_TRUNCATED', `${label} ends inside "${entry.path}"`, {
          remedy: 'Something else may be writing to it: try again later.',
        })
      yield into.subarray(0, bytesRead)
      done += bytesRead
    }
    position = run.position + run.length
  }
  yield* zeros(entry.size - position)
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= chunkSize) yield Buffer.alloc(Math.min(left, chunkSize))
}

function* labelled<T>(label: string, entries: Iterable<T>): Generator<T> {
  try {
    yield* entries
  } catch (error) {
    throw withLabel(label, error)
  }
}
