import {
  type Descriptor,
  familiarName,
  familiarRepository,
  formatReference,
  normalizePlatform,
  parsePlatform,
  parseReference,
} from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { choosePlatforms } from './choose-platforms.ts'
import type { Host } from './host.ts'
import { pushDocument } from './push-document.ts'
import { openRepository } from './remote-image.ts'
import { entryMeant, findImage } from './stored-image.ts'
import type { PushOptions, PushResult } from './types.ts'

/** Puts an image of the store into its registry: blobs first, then manifests, then the name. */
export async function push(host: Host, options: PushOptions): Promise<PushResult> {
  const name = parseReference(options.name)
  if (name.tag === undefined)
    throw new TareError('REFERENCE_INVALID', `"${options.name}" has no tag: a push gives the image a name`, {
      remedy: 'Give it one with `tare tag`.',
    })
  if (options.compression === 'zstd' && options.format === 'docker')
    throw new TareError('OPTION_INVALID', 'layers in zstd need the format oci: Docker’s own kind of manifest has none')
  const { root, entries } = findImage(host.store, options.name, host.platform)
  const resting = options.platform === undefined ? root : await onePlatform(host, root, options.name, options.platform)
  const entry = entryMeant(entries, options.name)
  const registry = await openRepository(host, name, options)
  const release = host.store.lease()
  try {
    const pushed = await pushDocument(host, registry, resting, options, entry)
    await registry.tag(name, pushed.blob)
    const { digest, mediaType, size } = pushed.blob
    const was = pushed.was === undefined || pushed.was === digest ? {} : { was: pushed.was }
    return { fullName: formatReference(name), digest, mediaType, size, layers: pushed.layers, ...was }
  } finally {
    registry.close()
    release()
  }
}

/** Puts every image there that has a tag of the repository. */
export async function pushAll(host: Host, options: PushOptions): Promise<readonly PushResult[]> {
  const repository = familiarRepository(parseReference(options.name))
  const names = host.store
    .entries()
    .flatMap(({ name }) => (name?.tag !== undefined && familiarRepository(name) === repository ? [name] : []))
  if (names.length === 0)
    throw new TareError('IMAGE_UNKNOWN', `no image of the store has a tag of ${repository}`, {
      remedy: '`tare image ls` shows what is there.',
    })
  const pushed: PushResult[] = []
  for (const name of names.map(familiarName).sort()) pushed.push(await push(host, { ...options, name }))
  return pushed
}

async function onePlatform(host: Host, root: Descriptor, name: string, text: string): Promise<Descriptor> {
  const platform = normalizePlatform(parsePlatform(text, host.platform))
  return (await choosePlatforms(host.store, root, [platform], name)).root
}
