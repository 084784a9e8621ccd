import type { RebaseOptions } from '../../api/index.ts'
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type HistoryEntry,
  type Platform,
  parseReference,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type CompressedImage, type Host, readCompressed, repositoryOf, shownDigest } from '../index.ts'
import { choosePlatforms } from '../rewrite/index.ts'
import { type OpenedImage, openImage } from '../transports/index.ts'
import type { Edit, Edited, ImageToEdit, Json } from './edit-documents.ts'
import { baseOriginOf, emptyImage, type Origin, openOrigin } from './edit-places.ts'
import type { Workshop } from './workshop.ts'

const baseName = 'org.opencontainers.image.base.name'
const baseDigest = 'org.opencontainers.image.base.digest'

/** Puts the layers that an image has above its old base onto a new one. Its config stays its own, but for the platform. */
export function rebasing(host: Host, options: RebaseOptions): Edit {
  const bases = new Bases(host)
  return async (edited, workshop) => {
    const { image } = edited
    const { oldText, newText } = basesOf(edited, options)
    const { platform } = image.config
    const below = await bases.read(oldText, platform, workshop)
    const fresh = await bases.read(newText, platform, workshop)
    refuseUnrelated(options.image, image, oldText, below.image)
    const layers = [
      ...bases.layersOf(fresh, workshop),
      ...workshop.layersOf(image).slice(below.image.config.diffIds.length),
    ]
    return rebased(edited, below.image, fresh, layers)
  }
}

function basesOf({ annotations: own, around }: ImageToEdit, { oldBase, newBase, image }: RebaseOptions) {
  const annotations = { ...around, ...own }
  const newText = newBase ?? annotations[baseName]
  if (newText === undefined || newText === '') throw unknownBase(image, baseName, 'new', '--new-base')
  const digest = annotations[baseDigest]
  if (oldBase !== undefined) return { oldText: oldBase, newText }
  if (digest === undefined || digest === '') throw unknownBase(image, baseDigest, 'old', '--old-base')
  const { registry, repository } = parseReference((annotations[baseName] ?? newText).replace(/^docker:\/\//, ''))
  return { oldText: `${registry}/${repository}@${digest}`, newText }
}

function unknownBase(image: string, annotation: string, which: string, flag: string): TareError {
  return new TareError(
    'REBASE_BASE_UNKNOWN',
    `${image} does not say what its base is: it has no annotation ${annotation}`,
    {
      remedy: `Name the ${which} base with ${flag}.`,
    },
  )
}

/** Rejects unless the layers of the old base are the lowest of the image. */
function refuseUnrelated(name: string, image: CompressedImage, oldName: string, base: CompressedImage): void {
  const own = image.config.diffIds
  for (const [i, diffId] of base.config.diffIds.entries())
    if (own[i] !== diffId)
      throw new TareError(
        'REBASE_UNRELATED',
        own[i] === undefined
          ? `${name} has only ${own.length} layers, and layer ${i + 1} of its old base ${oldName} is ${diffId}`
          : `layer ${i + 1} of ${name} is ${own[i]}, but that of its old base ${oldName} is ${diffId}`,
        { remedy: 'Name the image that it was built on with --old-base, by its digest if its tag has moved.' },
      )
}

function rebased(
  { image, config }: ImageToEdit,
  below: CompressedImage,
  fresh: OpenedBase,
  layers: readonly Descriptor[],
): Edited {
  const base = fresh.image.config
  const { os, architecture, variant, osVersion } = base.platform
  const diffIds = [...base.diffIds, ...image.config.diffIds.slice(below.config.diffIds.length)]
  const own = (config['history'] ?? []) as readonly HistoryEntry[]
  const history = [...base.history, ...own.slice(ofBase(image, below))]
  const { 'os.version': _, variant: __, ...rest } = config
  return {
    config: {
      ...rest,
      ...{ os, architecture, variant, 'os.version': osVersion, history },
      rootfs: { ...(config['rootfs'] as Json), type: 'layers', diff_ids: diffIds },
    },
    layers,
    annotations: { [baseName]: undefined, [baseDigest]: undefined, ...fresh.annotations },
  }
}

/** Returns how many lines of the image's history are those of its base: as many as it has, or up to its last layer. */
function ofBase(image: CompressedImage, below: CompressedImage): number {
  const own = image.config.history
  const isSame = below.config.history.every((line, i) => line.created_by === own[i]?.created_by)
  if (isSame) return below.config.history.length
  let layers = 0
  return own.findIndex((line) => line.empty_layer !== true && ++layers > below.config.diffIds.length) >>> 0
}

/** What an image says of its base: its full name and digest. */
export function baseAnnotations(
  host: Host,
  from: Origin,
  text: string,
  root: Descriptor,
): Readonly<Record<string, string>> {
  if (from.kind === 'registry') return { [baseDigest]: root.digest, [baseName]: formatReference({ ...from.name }) }
  const digest = from.kind === 'store' ? storedDigest(host, root.digest) : root.digest
  const name = from.kind === 'store' ? nameOf(text) : undefined
  return name === undefined ? {} : { [baseDigest]: digest, [baseName]: name }
}

function storedDigest({ store }: Host, digest: Digest): Digest {
  const entry = store.entries().find(({ manifest }) => manifest.digest === digest)
  return entry === undefined ? digest : shownDigest(store, entry)
}

function nameOf(text: string): string | undefined {
  try {
    return formatReference(parseReference(text.replace(/^store:/, '')))
  } catch {
    return undefined
  }
}

interface OpenedBase {
  readonly image: CompressedImage
  readonly opened: OpenedImage
  readonly origin: Origin
  readonly annotations: Readonly<Record<string, string>>
}

/** Bases, each opened once. */
class Bases {
  private readonly host: Host
  private readonly opened = new Map<string, Promise<{ readonly opened: OpenedImage; readonly origin: Origin }>>()

  constructor(host: Host) {
    this.host = host
  }

  async read(text: string, platform: Platform, workshop: Workshop): Promise<OpenedBase> {
    const key = text === 'scratch' ? `scratch ${formatPlatform(platform)}` : text
    const waiting = this.opened.get(key) ?? this.open(text, platform, workshop)
    this.opened.set(key, waiting)
    const { opened, origin } = await waiting
    const { source, root } = opened
    const chosen = await choosePlatforms(source, root, [platform], text)
    const image = await readCompressed(source, chosen.root, text, root)
    return { image, opened, origin, annotations: baseAnnotations(this.host, origin, text, root) }
  }

  private async open(text: string, platform: Platform, workshop: Workshop) {
    const origin = baseOriginOf(this.host, workshop.from, text)
    if (origin.kind === 'scratch') return { opened: emptyImage(this.host, platform), origin }
    const opened =
      origin.kind === 'path'
        ? await openOrigin(this.host, origin, workshop.options)
        : await openImage(this.host, origin, workshop.options)
    workshop.atEnd(() => opened.close())
    return { opened, origin }
  }

  /** Returns the base's layers for the result, and sees to it that they can be had when somebody needs them. */
  layersOf({ image, opened, origin }: OpenedBase, workshop: Workshop): readonly Descriptor[] {
    if (image.manifest.layers.length === 0) return []
    const isStored = origin.kind === 'store'
    if (isStored !== workshop.inStore && !(workshop.inStore && origin.kind === 'registry'))
      throw new TareError('OPTION_INVALID', 'the new base is not where the image is', {
        remedy: 'Copy one of them with `tare copy`, so that both are in the store, or neither.',
      })
    if (origin.kind === 'registry') workshop.mounts.push(repositoryOf(origin.name))
    if (isStored) {
      workshop.builtOnStored(opened.entry!, image.blob)
      return workshop.layersOf(image)
    }
    if (workshop.inStore && origin.kind === 'registry') {
      workshop.builtOnRemote(origin, image)
      return workshop.layersOf(image)
    }
    for (const layer of image.manifest.layers) workshop.add(layer, () => opened.source.open(layer))
    return image.manifest.layers
  }
}
