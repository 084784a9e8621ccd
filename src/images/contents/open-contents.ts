import { contentOf } from '../../files/layer/index.ts'
import type { InspectedLayer } from '../../inspection/index.ts'
import { type HistoryEntry, normalizePlatform, parsePlatform } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type CompressedImage, type Host, readCompressed } from '../index.ts'
import { type ImageInPlace, type OpenedImage, openImage, openInPlace } from '../transports/index.ts'
import { chooseImage } from './choose-image.ts'
import { findPlace, type Place } from './find-place.ts'
import { ImageLayers } from './image-layers.ts'
import type { ContentsOptions, OpenedContents } from './types.ts'

/**
 * Opens an image for inspection, wherever it is: see `findPlace`. A layer without a cached index is read once completely and
 * verified. Rejects with `IMAGE_UNKNOWN`, `PLATFORM_MISSING`, `BLOB_CORRUPT`, and the errors of the transport.
 */
export async function openContents(host: Host, text: string, options: ContentsOptions): Promise<OpenedContents> {
  const transport = findPlace(host, text)
  const opened = await openPlace(host, transport, text, options)
  try {
    const { kind } = transport.transport
    const isRemote = kind === 'registry'
    const platform =
      options.platform === undefined ? undefined : normalizePlatform(parsePlatform(options.platform, host.platform))
    const blob = await chooseImage(host, opened, { name: text, platform, isRemote })
    const image = await readCompressed(opened.source, blob, text, opened.root)
    const layers = new ImageLayers({ host, image, opened, name: text, isRemote, isStored: kind === 'store', options })
    try {
      return await openedContents(text, image, layers, opened)
    } catch (error) {
      layers.close()
      throw error
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

async function openedContents(
  name: string,
  { root, config, manifest }: CompressedImage,
  layers: ImageLayers,
  opened: OpenedImage,
): Promise<OpenedContents> {
  const steps = config.history.filter((entry) => entry.empty_layer !== true)
  const found = await layers.index()
  const blobs = manifest.layers.map((blob, i) => layers.blobOf(i, blob))
  const inspected = found.map(
    (layer, i): InspectedLayer => ({
      ...layer,
      blob: blobs[i]!,
      ...(steps.length === found.length ? madeBy(steps[i]!) : {}),
    }),
  )
  return {
    ...{ name, root, config, manifest },
    layers: inspected,
    unpack: (wanted = inspected) => layers.unpack(wanted),
    read: (file) => layers.read(file),
    readEntry: (i, entry) =>
      layers.read({ size: entry.size, content: { ...contentOf(inspected[i]!, entry), digest: entry.digest } }),
    close: async () => {
      layers.close()
      await opened.close()
    },
  }
}

function madeBy({ created_by: createdBy, created }: HistoryEntry): Pick<InspectedLayer, 'createdBy' | 'created'> {
  return { ...(createdBy === undefined ? {} : { createdBy }), ...(created === undefined ? {} : { created }) }
}

async function openPlace(
  host: Host,
  { transport, guessed, namesake }: Place,
  text: string,
  call: ContentsOptions,
): Promise<OpenedImage | ImageInPlace> {
  if (transport.kind !== 'registry' && transport.kind !== 'store') return openInPlace(host, transport, call)
  try {
    return await openImage(host, transport, call)
  } catch (error) {
    if (!guessed || !(error instanceof TareError)) throw error
    const { code, message, remedy } = error
    const where = namesake === undefined ? '' : `, what is at that path is no image`
    throw new TareError(code, `${text} is not in the store${where}, and ${message}`, { remedy, cause: error })
  }
}
