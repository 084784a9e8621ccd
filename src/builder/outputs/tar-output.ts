import type { TarOutput } from '../../api/index.ts'
import { type FileOutput, openFileOutput } from '../../content/archive/index.ts'
import { type TarEntry, writeTar } from '../../files/tar/index.ts'
import { tarEntries } from '../../images/contents/index.ts'
import type { Reference } from '../../oci/index.ts'
import { flow } from '../../support/index.ts'
import { type FileSet, fileSets } from './file-sets.ts'
import { ImageFiles } from './image-files.ts'
import { twice } from './local/staged-tree.ts'
import type { OutputWork, PreparedOutput } from './types.ts'

/** The image's files as a tar. A file is written now and appears later; bytes that something takes are written later. */
export async function prepareTar(
  output: TarOutput,
  names: readonly Reference[],
  work: OutputWork,
): Promise<PreparedOutput> {
  const { to } = output
  const path = 'path' in to ? to.path : undefined
  const sets = await fileSets(work, names, output)
  const what = `the tar ${path ?? 'on standard output'}`
  const made = [{ kind: 'tar' as const, to: path ?? '-' }]
  if (path === undefined) {
    const { write } = to as { write(chunk: Uint8Array): Promise<unknown> }
    const publish = async () => {
      await writeAll(sets, work, write)
      return made
    }
    return { what, publish, discard: async () => {} }
  }
  const file: FileOutput = await openFileOutput(path)
  try {
    await writeAll(sets, work, (chunk) => file.write(chunk))
  } catch (error) {
    await file.discard()
    throw error
  }
  const publish = async () => {
    await file.finish()
    return made
  }
  return { what, publish, discard: () => file.discard() }
}

async function writeAll(
  sets: readonly FileSet[],
  work: OutputWork,
  write: (chunk: Uint8Array) => Promise<unknown>,
): Promise<void> {
  for await (const chunk of writeTar(entriesOf(sets, work))) {
    work.signal.throwIfAborted()
    await write(chunk)
  }
}

async function* entriesOf(sets: readonly FileSet[], work: OutputWork): AsyncGenerator<TarEntry> {
  const folders = new Set<string>()
  const seen = new Set<string>()
  for (const set of sets) {
    const { image, prefix, epoch, statements } = set
    const dated = (entry: TarEntry): TarEntry => (epoch === undefined ? entry : { ...entry, mtime: epoch, mtimeNs: 0 })
    if (prefix !== '' && !folders.has(prefix)) yield dated(folder(prefix))
    folders.add(prefix)
    const files = await ImageFiles.open(work, image)
    try {
      const { flat } = files
      for await (const entry of tarEntries(files, flat, flat.walk(flat.root, prefix))) {
        const path = entry.path.replace(/\/$/, '')
        const isNew = !seen.has(path)
        if (!isNew && entry.kind !== 'directory') throw twice(path)
        seen.add(path)
        if (isNew) yield dated(entry)
      }
      for (const { path, bytes } of statements)
        yield dated({ ...plain, path, kind: 'file', mode: 0o644, size: bytes.length, body: flow(bytes) })
    } finally {
      files.close()
    }
  }
}

function folder(path: string): TarEntry {
  return { ...plain, path, kind: 'directory', mode: 0o755, size: 0, body: flow() }
}

const plain = { uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
