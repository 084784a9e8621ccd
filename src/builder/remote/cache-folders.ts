import { closeSync, lstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { openArchive, openLayout } from '../../content/archive/index.ts'
import { isDigest, mediaTypes, parseDescriptor } from '../../oci/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import { Handover } from './results/handover.ts'
import type { OfferedContent } from './session/index.ts'

const pieceSize = 1 << 20

/** Returns the blobs of an OCI layout, to be read. Whatever else is in the folder cannot be asked for. */
export function readableFolder(folder: string): OfferedContent {
  const pathOf = (digest: string) => (isDigest(digest) ? join(folder, 'blobs', digest.replace(':', '/')) : undefined)
  return {
    size: (digest) => {
      const path = pathOf(digest)
      const stat = path === undefined ? undefined : lstatSync(path, { throwIfNoEntry: false })
      return stat?.isFile() === true ? stat.size : undefined
    },
    open: (digest, offset, length) => partOf(pathOf(digest)!, offset, length),
  }
}

async function* partOf(path: string, offset: number, length: number): Bytes {
  const fd = openSync(path, 'r')
  try {
    for (let at = 0; at < length; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceSize, length - at))
      const count = readSync(fd, piece, 0, piece.length, offset + at)
      if (count === 0) return
      at += count
      yield piece.subarray(0, count)
    }
  } finally {
    closeSync(fd)
  }
}

/** Returns the digest that a layout has under a label; undefined if there is none, or no layout. */
export async function labelled(folder: string, label: string, scratch: string): Promise<string | undefined> {
  try {
    const layout = await openArchive(folder, { scratch })
    try {
      return (await layout.roots()).find(({ labels }) => labels.includes(label))?.blob.digest
    } finally {
      await layout.close()
    }
  } catch (error) {
    if (error instanceof TareError && error.code.startsWith('ARCHIVE_')) return undefined
    throw error
  }
}

/** A folder that an engine writes a cache into, as an OCI layout. */
export async function writableFolder(folder: string) {
  const layout = await openLayout(folder)
  const readable = readableFolder(folder)
  const content: OfferedContent = {
    ...readable,
    write: (digest, total) => {
      if (!isDigest(digest)) throw new TareError('ENGINE_INVALID', `the engine writes a blob ${JSON.stringify(digest)}`)
      if (readable.size!(digest) === total) return undefined
      const handover = new Handover()
      const blob = { mediaType: mediaTypes.layer, digest, size: total }
      const kept = layout.put(blob, async () => handover.bytes)
      kept.catch((error: unknown) => handover.refuse(error))
      return {
        add: (data) => handover.add(data),
        commit: async () => {
          handover.end()
          await kept
        },
        abandon: () => handover.fail(new TareError('ENGINE_LOST', 'a blob of the cache was cut off')),
      }
    },
  }
  return {
    content,
    /** Names what was written; `told` is the descriptor that the engine answers with. */
    label: (tag: string, told: string) =>
      layout.label(tag, parseDescriptor(JSON.parse(told) as unknown, 'the cache of the engine')),
  }
}
