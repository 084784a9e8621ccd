import type { SaveOptions } from '../../api/index.ts'
import { writeArchive } from '../../content/archive/index.ts'
import { copyImage } from '../../content/index.ts'
import type { Host } from '../../images/index.ts'
import { findImage, type NamedImage } from '../../images/index.ts'
import { completeImage, completeStored } from '../../images/ingest/index.ts'
import { type Descriptor, formatReference, parseReference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** Writes images to an archive. */
export async function save(host: Host, { names, to, format = 'docker', report, signal }: SaveOptions): Promise<void> {
  const { store, platform } = host
  const options = { ...(signal === undefined ? {} : { signal }), ...(report === undefined ? {} : { report }) }
  if (names.length === 0) throw new TareError('IMAGE_UNKNOWN', 'no image to save', { remedy: 'Name at least one.' })
  const wanted: { readonly image: NamedImage; readonly root: Descriptor; readonly text: string }[] = []
  for (const text of names) {
    const image = findImage(store, text, platform)
    const root =
      format === 'oci'
        ? await completeImage(host, image.root, options)
        : (await completeStored(host, image, options)).blob
    wanted.push({ image, text, root })
  }
  const writer = writeArchive('path' in to ? to.path : to, {
    format,
    platform,
    ...(signal === undefined ? {} : { signal }),
  })
  try {
    for (const { text, image, root } of wanted) {
      const [first, ...more] = namesFor(image, text)
      await copyImage(store, root, writer, first, options)
      for (const name of more) await writer.tag(name, root)
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Returns the names to save with the image: the one given, or none if it was given by ID. */
function namesFor(image: NamedImage, text: string) {
  try {
    const wanted = formatReference(parseReference(text))
    return image.names.filter((name) => formatReference(name) === wanted)
  } catch {
    return []
  }
}
