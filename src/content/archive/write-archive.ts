import { TareError } from '../../support/index.ts'
import { dockerMembers } from './docker-format.ts'
import { type FileOutput, openFileOutput } from './file-output.ts'
import { ImageSet, type SavedImage } from './image-set.ts'
import { legacyMembers } from './legacy-format.ts'
import type { Member } from './member.ts'
import { ociMembers } from './oci-format.ts'
import { writeMembers } from './tar-output.ts'
import type { ArchiveDestination, ArchiveWriter, WriteOptions } from './types.ts'

/**
 * Creates an archive that images can be copied to; `close` writes it. Equal images give equal bytes: where Docker uses the time
 * of the save, this uses the time of the newest image. An image that gets no name is saved without one.
 */
export function writeArchive(output: ArchiveDestination, options: WriteOptions): ArchiveWriter {
  const gathered = new ImageSet()
  const stop = new AbortController()
  let writing: Promise<FileOutput> | undefined
  let closing: Promise<void> | undefined

  const write = async (): Promise<FileOutput> => {
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
    signal.throwIfAborted()
    const members = await membersOf(gathered, options)
    const to = typeof output === 'string' ? await openFileOutput(output) : streamOutput(output)
    try {
      await writeMembers(
        members,
        (blob) => gathered.open(blob),
        (chunk) => {
          signal.throwIfAborted()
          return to.write(chunk)
        },
      )
      signal.throwIfAborted()
    } catch (error) {
      await to.discard()
      throw error
    }
    return to
  }
  const written = () => {
    writing ??= write()
    return writing
  }

  return {
    has: async (blob) => gathered.has(blob.digest),
    put: async (blob, open) => gathered.put(blob, open),
    tag: async (name, blob) => gathered.tag(name, blob),
    label: async (text, blob) => {
      if (text !== undefined) gathered.label(text, blob)
    },
    resolve: async (name) => gathered.resolve(name),
    open: async (blob) => {
      if (!gathered.has(blob.digest)) throw new TareError('BLOB_MISSING', `the archive has no blob ${blob.digest}`)
      throw new Error('an archive can be read only after it was closed')
    },
    prepare: async () => {
      if (typeof output === 'string') await written()
    },
    close: () => {
      closing ??= written().then((to) => to.finish())
      return closing
    },
    abort: async () => {
      stop.abort(new Error('the archive was given up'))
      if (closing !== undefined) await closing.catch(() => {})
      else
        await writing?.then(
          (to) => to.discard(),
          () => {},
        )
    },
  }
}

async function membersOf(gathered: ImageSet, { format, platform, notes }: WriteOptions): Promise<readonly Member[]> {
  const roots = await gathered.roots()
  if (format === 'oci') return ociMembers(gathered, roots, notes)
  const images: SavedImage[] = []
  for (const root of roots) images.push(await gathered.image(root, platform))
  const distinct = mergeNames(images)
  return format === 'docker' ? dockerMembers(distinct, notes) : legacyMembers(gathered, distinct)
}

/** Merges entries for an image that was added several times: by itself, and as part of an index. */
function mergeNames(images: readonly SavedImage[]): readonly SavedImage[] {
  const merged = new Map<string, SavedImage>()
  for (const image of images) {
    const before = merged.get(image.manifestBlob.digest)
    merged.set(image.manifestBlob.digest, {
      ...image,
      names: before === undefined ? image.names : [...before.names, ...image.names],
    })
  }
  return [...merged.values()]
}

function streamOutput(stream: { write(chunk: Uint8Array): Promise<unknown> }): FileOutput {
  return { write: (chunk) => stream.write(chunk), finish: async () => {}, discard: async () => {} }
}
