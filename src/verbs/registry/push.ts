import type { PushOptions, PushResult } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { entryMeant, findImage } from '../../images/index.ts'
import { pushDocument } from '../../images/push/index.ts'
import { choosePlatforms } from '../../images/rewrite/index.ts'
import { openRepository } from '../../images/transports/index.ts'
import {
  type Descriptor,
  familiarName,
  familiarRepository,
  formatReference,
  normalizePlatform,
  parsePlatform,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** Pushes an image of the store to its registry: blobs first, then manifests, then the name. */
export async function push(host: Host, options: PushOptions): Promise<PushResult> {
  const { store } = host
  const name = targetOf(options)
  if (options.compression === 'zstd' && options.format === 'docker')
    throw new TareError(
      'OPTION_INVALID',
      'zstd layers need the oci format: Docker’s manifest format does not support them',
    )
  const image = options.image ?? options.name
  const { root, entries } = findImage(store, image, host.platform)
  const stored = options.platform === undefined ? root : await onePlatform(host, root, image, options.platform)
  const entry = entryMeant(entries, options.name)
  const registry = await openRepository(host, name, options)
  const release = store.lease()
  try {
    const pushed = await pushDocument(host, registry, stored, options, entry)
    const there = options.byDigest === true ? { ...name, digest: pushed.blob.digest } : name
    if (options.byDigest !== true) await registry.tag(name, pushed.blob)
    else if (options.keepDigestName === true) await store.keep(stored, [there], host.now(), pushed)
    const { digest, mediaType, size } = pushed.blob
    const previous = pushed.was === undefined || pushed.was === digest ? {} : { previousDigest: pushed.was }
    return { fullName: formatReference(there), digest, mediaType, size, layers: pushed.layers, ...previous }
  } finally {
    registry.close()
    release()
  }
}

/** Returns where to push. Throws if a tag is given that must not be, or the other way round. */
function targetOf({ name: text, byDigest = false }: PushOptions): Reference {
  const name = parseReference(text)
  if (!byDigest && name.tag !== undefined) return name
  if (!byDigest)
    throw new TareError('REFERENCE_INVALID', `"${text}" has no tag, which a push needs`, {
      remedy: 'Give it one with `tare tag`.',
    })
  if (name.digest !== undefined || /:[^/]*$/.test(text))
    throw new TareError('REFERENCE_INVALID', `"${text}" has a tag, but a push by digest needs a repository only`)
  const { tag: _, ...repository } = name
  return repository
}

/** Pushes every image that has a tag of the repository. */
export async function pushAll(host: Host, options: PushOptions): Promise<readonly PushResult[]> {
  const repository = familiarRepository(parseReference(options.name))
  const names = host.store
    .entries()
    .flatMap(({ name }) => (name?.tag !== undefined && familiarRepository(name) === repository ? [name] : []))
  if (names.length === 0)
    throw new TareError('IMAGE_UNKNOWN', `no image of the store has a tag of ${repository}`, {
      remedy: '`tare image ls` lists the images.',
    })
  const pushed: PushResult[] = []
  for (const name of names.map(familiarName).sort()) pushed.push(await push(host, { ...options, name }))
  return pushed
}

async function onePlatform(host: Host, root: Descriptor, name: string, text: string): Promise<Descriptor> {
  const platform = normalizePlatform(parsePlatform(text, host.platform))
  return (await choosePlatforms(host.store, root, [platform], name)).root
}
