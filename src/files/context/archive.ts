import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { type Bytes, decodeName, TareError } from '../../support/index.ts'
import { decompress } from '../compression/index.ts'
import { type Archive, looksLikeTar } from '../tar/index.ts'
import { Tree } from '../tree/index.ts'
import { type BuildContext, textLimit } from './context.ts'
import { spool } from './spool.ts'
import { treeContext } from './tree-context.ts'
import { unpackInto } from './unpack.ts'

export interface ArchiveOptions {
  readonly name: string
  /** Returns the path of a file that does not exist yet, to hold the archive while the context is open. */
  readonly scratch: () => string
  /** The archive's maximum unpacked size in bytes. */
  readonly unpackLimit?: number | undefined
  /** A folder in the archive, which is the context; links on the way to it are followed in the archive. */
  readonly folder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** A stream that turned out to be text: the Dockerfile itself. */
export interface TextAlone {
  readonly text: string
}

/**
 * Opens a tar archive, compressed or not, as a context; .dockerignore does not apply to it. Anything else is taken for a
 * Dockerfile, as in `docker build -`. Throws `ARCHIVE_CORRUPT` and the like for a damaged one, and `CONTEXT_INVALID` where there is no
 * such `folder`.
 */
export async function openStream(bytes: Bytes, options: ArchiveOptions): Promise<BuildContext | TextAlone> {
  const path = options.scratch()
  try {
    const { bytes: plain } = await decompress(bytes, options.unpackLimit)
    await spool(path, plain, options.signal)
    const fd = openSync(path, 'r')
    try {
      const size = fstatSync(fd).size
      const head = Buffer.alloc(Math.min(512, size))
      readSync(fd, head, 0, head.length, 0)
      if (!looksLikeTar(head)) {
        const text = textOf(fd, size, options.name)
        if (options.folder !== undefined) throw noFolder(options.folder, options.name, 'that is a Dockerfile alone')
        rmSync(path, { force: true })
        return { text }
      }
      const archive: Archive = { size, read: (into, position) => readSync(fd, into, 0, into.length, position) }
      const tree = folderIn(treeOf(archive, path), options)
      const close = () => rmSync(path, { force: true })
      return treeContext(options.name, tree, { madeAt: async () => newestFile(tree), close })
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
}

function folderIn(tree: Tree, { folder, name }: ArchiveOptions): Tree {
  if (folder === undefined) return tree
  const node = tree.find(folder)
  if (node?.kind === 'directory') return new Tree({ ...node, mtime: Number.NaN })
  throw noFolder(folder, name, node === undefined ? 'it is not there' : 'it is a file')
}

function noFolder(folder: string, name: string, why: string): TareError {
  const where = name === '-' ? 'the archive' : name
  return new TareError('CONTEXT_INVALID', `${JSON.stringify(folder)} is no folder of ${where}: ${why}`, {
    remedy: 'Folders are relative to the root of the archive.',
  })
}

/** Returns the time of the most recently modified file. */
function newestFile(tree: Tree): number | undefined {
  let newest: number | undefined
  for (const [, { kind, mtime }] of tree.walk())
    if (kind === 'file' && (newest === undefined || mtime > newest)) newest = mtime
  return newest
}

function textOf(fd: number, size: number, name: string): string {
  if (size > textLimit) {
    throw new TareError(
      'CONTEXT_INVALID',
      `${name === '-' ? 'standard input' : name} is neither a tar archive nor a Dockerfile: ${size} bytes of something else`,
    )
  }
  const buffer = Buffer.alloc(size)
  readSync(fd, buffer, 0, size, 0)
  return decodeName(buffer)
}

function treeOf(archive: Archive, path: string): Tree {
  const draft = Tree.empty.edit()
  const now = { mtime: Math.floor(Date.now() / 1000), mtimeNs: 0 }
  unpackInto(draft, [], archive, {
    now,
    contentAt: (runs, size) =>
      runs.length === 1 && runs[0]!.length === size
        ? { kind: 'extent', path, offset: runs[0]!.at }
        : { kind: 'sparse', path, runs },
  })
  const root = draft.done()
  return new Tree({ ...root, kind: 'directory', mtime: Number.NaN })
}
