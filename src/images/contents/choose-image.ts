import type { Source } from '../../content/index.ts'
import { type Descriptor, isImageEntry, isIndexType, openIndex, type Platform } from '../../oci/index.ts'
import { type Host, readImage, readWhole } from '../index.ts'
import { chooseEntry, choosePlatforms, choosePresent, entriesOfIndex } from '../rewrite/index.ts'
import type { OpenedImage } from '../transports/index.ts'

/**
 * Returns the manifest to inspect: of an index, the one for the platform; by default the only one, or this machine's; in the
 * store, the first that exists. Rejects with `PLATFORM_MISSING`.
 */
export async function chooseImage(
  host: Host,
  { source, root }: OpenedImage,
  { name, platform, isRemote }: { readonly name: string; readonly platform?: Platform | undefined; isRemote: boolean },
): Promise<Descriptor> {
  if (source === host.store && platform === undefined) return readImage(host.store, root, host.platform).blob
  if (!isIndexType(root.mediaType)) {
    if (platform !== undefined) await choosePlatforms(source, root, [platform], name)
    return root
  }
  const there = isRemote || source === host.store ? { source, root } : await choosePresent(source, root, name)
  return chooseOf(there.source, there.root, platform, host, name)
}

async function chooseOf(
  source: Source,
  root: Descriptor,
  platform: Platform | undefined,
  host: Host,
  name: string,
): Promise<Descriptor> {
  if (platform !== undefined) return (await choosePlatforms(source, root, [platform], name)).root
  const what = `the index of ${name}`
  const entries = await entriesOfIndex(source, openIndex(await readWhole(source, root, what), what), name)
  const images = entries.filter(({ blob }) => isImageEntry(blob))
  if (images.length === 1) return images[0]!.blob
  return (await chooseEntry(source, entries, host.platform, name)).blob
}
