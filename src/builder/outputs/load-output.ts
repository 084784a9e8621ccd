import { PassThrough } from 'node:stream'
import { writeArchive } from '../../content/archive/index.ts'
import { copyImage } from '../../content/index.ts'
import { familiarName, formatReference, parseReference, type Reference } from '../../oci/index.ts'
import { type Bytes, drained } from '../../support/index.ts'
import { completed } from './completed.ts'
import type { StoredDocuments } from './documents.ts'
import type { ImageLoader, OutputWork, PreparedOutput } from './types.ts'

/** The image in a docker daemon: loaded now, under a name that nobody knows. */
export async function prepareLoaded(
  loader: ImageLoader,
  names: readonly Reference[],
  documents: StoredDocuments,
  work: OutputWork,
): Promise<PreparedOutput> {
  const [{ config, snapshot }] = work.images as [OutputWork['images'][number]]
  const root = await completed(documents.root, work)
  const loaded = await loader.load({
    config: config.bytes,
    diffIds: snapshot.layers.map(({ diffId }) => diffId),
    archive: (name) => archiveOf(root, name, work),
  })
  return {
    what: `the image ${names.map(familiarName).join(', ')} in ${loader.name}`,
    publish: async () => {
      for (const name of names) await loaded.tag(formatReference(name))
      await loaded.close()
      return []
    },
    discard: () => loaded.close(),
  }
}

function archiveOf(root: StoredDocuments['root'], name: string, { host, signal }: OutputWork): Bytes {
  const { store, platform } = host
  const stream = new PassThrough()
  const write = async (chunk: Uint8Array) => {
    if (stream.destroyed) throw new Error('nobody reads the archive any more')
    if (!stream.write(chunk)) await drained(stream)
  }
  const fill = async () => {
    const writer = writeArchive({ write }, { format: 'docker', platform, signal })
    await copyImage(store, root, writer, parseReference(name), { signal })
    await writer.close()
  }
  fill().then(
    () => stream.end(),
    (error: Error) => stream.destroy(error),
  )
  return stream as AsyncIterable<Uint8Array> as Bytes
}
