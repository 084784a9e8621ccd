import { open, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type Bytes, systemCode, TareError } from '../../support/index.ts'
import { type ArchiveFiles, type Item, innerPath } from './archive-files.ts'

const chunkSize = 1 << 20

/** Opens an OCI layout or an unpacked archive on disk. Links are followed as long as they stay in the folder. */
export function openFolderShelf(folder: string): ArchiveFiles {
  return {
    label: folder,
    find: (path) => find(folder, path),
    names: () => readdir(folder),
    close: async () => {},
  }
}

async function find(folder: string, path: string): Promise<Item | undefined> {
  const root = await realpath(folder)
  let file: string
  try {
    file = await realpath(join(root, innerPath(folder, path)))
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw unreadable(folder, path, cause)
  }
  if (!file.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new TareError('ARCHIVE_PATH_ESCAPES', `in ${folder}, "${path}" is a link to a file outside the folder`, {
      remedy: 'If you created the folder yourself, copy it with the files it links to: cp -rL',
    })
  const found = await stat(file)
  if (!found.isFile()) return undefined
  return {
    size: found.size,
    at: { path: file, offset: 0, size: found.size },
    head: async (length) => {
      for await (const chunk of read(folder, path, file, length)) return chunk
      return new Uint8Array()
    },
    open: () => read(folder, path, file, chunkSize),
  }
}

async function* read(folder: string, path: string, file: string, chunk: number): Bytes {
  const handle = await open(file).catch((cause) => {
    throw unreadable(folder, path, cause)
  })
  try {
    for (;;) {
      const into = Buffer.allocUnsafe(chunk)
      const { bytesRead } = await handle.read(into, 0, chunk)
      if (bytesRead === 0) return
      yield into.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

function unreadable(folder: string, path: string, cause: unknown): TareError {
  return new TareError('ARCHIVE_UNREADABLE', `"${path}" in ${folder} cannot be read: ${(cause as Error).message}`, {
    remedy: 'Check its permissions.',
    cause,
  })
}
