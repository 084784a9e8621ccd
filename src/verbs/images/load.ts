import type { LoadedImage, LoadOptions } from '../../api/index.ts'
import type { ArchiveImage, ArchiveLayer } from '../../content/archive/index.ts'
import { openArchive } from '../../content/archive/index.ts'
import { type Host, unpackLimit } from '../../images/index.ts'
import { type ForeignImage, ingestImage } from '../../images/ingest/index.ts'
import { choosePlatform, familiarName } from '../../oci/index.ts'
import { type Reporter, silent, startTransfer } from '../../support/index.ts'

/** Loads the images of an archive into the store; of a multi-platform image the one for this machine, otherwise the first. */
export async function load(
  host: Host,
  { from, signal, report = silent }: LoadOptions,
): Promise<readonly LoadedImage[]> {
  const release = host.store.lease()
  const limit = unpackLimit(host)
  // A folder for unpacking the archive.
  const scratch = host.store.reserve()
  try {
    const archive = await openArchive('path' in from ? from.path : from.bytes, {
      scratch: scratch.path,
      ...(limit === undefined ? {} : { unpackLimit: limit }),
      ...(signal === undefined ? {} : { signal }),
    })
    try {
      const loaded: LoadedImage[] = []
      for (const image of chooseImages(host, await archive.images())) {
        const layers = image.layers.map((layer) => told(layer, report))
        await ingestImage(host, { ...image, layers }, { nameless: true, signal })
        loaded.push({ id: image.config.digest, names: image.names.map(familiarName) })
      }
      return loaded
    } finally {
      await archive.close()
    }
  } finally {
    scratch.discard()
    release()
  }
}

/** For a multi-platform image, chooses the one for this machine, otherwise the first. */
function chooseImages(host: Host, images: readonly ArchiveImage[]): ArchiveImage[] {
  const groups = new Map<string, ArchiveImage[]>()
  for (const image of images) groups.set(image.group, [...(groups.get(image.group) ?? []), image])
  return [...groups.values()].map((group) => {
    return choosePlatform(host.platform, group, ({ platform }) => platform)?.offer ?? group[0]!
  })
}

/** Returns the layer with progress reports; the total is what the archive says, if it does. */
function told({ diffId, size = 0, open }: ArchiveLayer, report: Reporter): ForeignImage['layers'][number] {
  const transfer = startTransfer(diffId, size, report, 'loading')
  return {
    diffId,
    expected: size,
    open: async () => transfer.watch(await open(), 'loading', size),
    kept: transfer.done,
  }
}
