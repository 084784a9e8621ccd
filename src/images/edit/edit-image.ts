import type { CopyOptions, EditOptions, EditResult } from '../../api/index.ts'
import type { StoreEntry } from '../../content/store/index.ts'
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  normalizePlatform,
  parseManifest,
  parsePlatform,
} from '../../oci/index.ts'
import { type Host, type OnItsWay, pulledAsWithin } from '../index.ts'
import { completeImage } from '../ingest/index.ts'
import { openTarget } from '../push/index.ts'
import { choosePlatforms, choosePresent } from '../rewrite/index.ts'
import { formatTransport, type OpenedImage, type Transport } from '../transports/index.ts'
import { type Edit, editDocuments } from './edit-documents.ts'
import { type Goal, goalOf, type Origin, openOrigin, originOf, storeName } from './edit-places.ts'
import { Workshop } from './workshop.ts'

/**
 * Makes an image of another, and stores it where it is to be; its name is set last. Layers that the target has, or can get from its
 * own registry, are not read.
 */
export async function editImage(host: Host, options: EditOptions, edit: Edit): Promise<EditResult> {
  const from = originOf(host, options.image)
  const goal = goalOf(from, options)
  const { kind } = goal.transport
  if (kind === 'store' && goal.isNamed) storeName(goal.transport.text)
  const release = from.kind === 'store' || kind === 'store' ? host.store.lease() : () => {}
  try {
    const opened = await openOrigin(host, from, options)
    const workshop = new Workshop(host, options, from, goal.transport, opened.source)
    try {
      const chosen = await chooseImages(host, opened, from, options)
      if (opened.entry !== undefined) workshop.builtOnStored(opened.entry, chosen.root)
      const known = (blob: Descriptor) => annotationsOfOriginal(host, opened.entry, blob)
      const { root, images } = await editDocuments(chosen, workshop, edit, known)
      const { blob, fullName } = await deliver(host, workshop, root, goal)
      const { digest, mediaType, size } = blob
      return {
        ...{ fullName: fullName ?? `store:${images.length === 1 ? images[0]!.id : digest}`, digest, mediaType, size },
        images: images.map(({ platform, id }) => ({ platform: formatPlatform(platform), id })),
      }
    } finally {
      await workshop.close()
      await opened.close()
    }
  } finally {
    release()
  }
}

async function chooseImages(
  host: Host,
  { source, root }: OpenedImage,
  from: Origin,
  { image, platforms = [] }: EditOptions,
): Promise<OnItsWay> {
  const wanted = platforms.map((text) => normalizePlatform(parsePlatform(text, host.platform)))
  if (wanted.length > 0) return choosePlatforms(source, root, wanted, image)
  return from.kind === 'registry' ? { source, root } : choosePresent(source, root, image)
}

/** The store's manifest of a pulled image has no annotations; what it was pulled as has. */
function annotationsOfOriginal({ store }: Host, entry: StoreEntry | undefined, blob: Descriptor) {
  const original = entry === undefined ? undefined : pulledAsWithin(store, entry, blob)?.manifest
  if (original === undefined || !store.blobs.has(original.digest)) return undefined
  return parseManifest(store.blobs.read(original.digest), `the manifest ${original.digest}`).annotations
}

interface Delivered {
  readonly blob: Descriptor
  readonly fullName: string | undefined
}

async function deliver(
  host: Host,
  workshop: Workshop,
  root: Descriptor,
  { transport: to, isNamed }: Goal,
): Promise<Delivered> {
  const { options, inStore, basedOn, from } = workshop
  if (inStore && to.kind === 'store') {
    const name = isNamed ? storeName(to.text) : undefined
    await host.store.keep(root, name === undefined ? [] : [name], host.now(), { basedOn })
    return { blob: root, fullName: name && `store:${formatReference(name)}` }
  }
  const isFile = to.kind === 'oci' || to.kind === 'oci-archive'
  const whole = inStore && isFile ? await completeImage(host, root, options) : root
  const call: CopyOptions = { ...callOf(options), from: options.image, to: options.to ?? formatTransport(to) }
  const entry = inStore ? { manifest: whole, ...(basedOn === undefined ? {} : { basedOn }) } : undefined
  const target = await openTarget(host, transportOf(from), to, entry, call, workshop.mounts)
  try {
    const { blob, pulledAs } = await target.write({ source: workshop.source, root: whole })
    if (isNamed) await target.name(blob, pulledAs)
    if (to.kind !== 'registry' || isNamed) return { blob, fullName: formatTransport(to) }
    const { registry, repository } = to.name
    return { blob, fullName: formatReference({ registry, repository, digest: blob.digest }) }
  } catch (error) {
    await target.abort()
    throw error
  } finally {
    target.close()
  }
}

function callOf({ report, signal, insecure }: EditOptions): Pick<CopyOptions, 'report' | 'signal' | 'insecure'> {
  return { report, signal, insecure }
}

/** A file is a file, however its image was found in it. */
function transportOf(from: Origin): Transport {
  if (from.kind === 'scratch') return { kind: 'oci-archive', path: 'scratch' }
  return from.kind === 'path' ? { kind: 'oci-archive', path: from.path } : from
}
