import type { CopyOptions, CopyResult } from '../../api/index.ts'
import type { Host, OnItsWay } from '../../images/index.ts'
import { pulledAsWithin, readCompressed } from '../../images/index.ts'
import { completeImage } from '../../images/ingest/index.ts'
import { type CopyTarget, openTarget } from '../../images/push/index.ts'
import { choosePlatforms, choosePresent, convertFormat } from '../../images/rewrite/index.ts'
import {
  copyReferrers,
  formatTransport,
  type OpenedImage,
  openImage,
  parseTransport,
  type Transport,
} from '../../images/transports/index.ts'
import type { Digest, Platform } from '../../oci/index.ts'
import { isIndexType, normalizePlatform, parsePlatform } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/**
 * Copies an image or an index, with everything it refers to, between transports. It gets its name at the destination only when it
 * is complete, and is unchanged unless a change was requested.
 */
export async function copy(host: Host, options: CopyOptions): Promise<CopyResult> {
  const [from, to] = [parseTransport(options.from), parseTransport(options.to)]
  const platforms = platformsOf(host, to, options)
  refuseReferrers(from, to, options)
  const usesStore = from.kind === 'store' || to.kind === 'store'
  const release = usesStore ? host.store.lease() : () => {}
  try {
    const opened = await openImage(host, from, options)
    try {
      const whole = from.kind === 'store' ? await wholeFor(host, opened, to, platforms, options) : opened
      return await send(host, whole, from, to, platforms, options)
    } finally {
      await opened.close()
    }
  } finally {
    release()
  }
}

/** A registry can get layers from other registries; a file needs them in the store. */
async function wholeFor(
  host: Host,
  opened: OpenedImage,
  to: Transport,
  platforms: readonly Platform[],
  options: CopyOptions,
): Promise<OpenedImage> {
  if (to.kind === 'registry' || to.kind === 'store') return opened
  const { source, root } = opened
  const some = platforms.length === 0 && to.kind === 'docker-archive' ? [host.platform] : platforms
  const only = some.length === 1 ? (await choosePlatforms(source, root, some, options.from)).root.digest : undefined
  const whole = await completeImage(host, root, options, only)
  return { ...opened, root: whole, entry: { ...opened.entry!, manifest: whole } }
}

async function send(
  host: Host,
  opened: OpenedImage,
  from: Transport,
  to: Transport,
  platforms: readonly Platform[],
  options: CopyOptions,
): Promise<CopyResult> {
  const wanted = platforms.length > 0 || to.kind !== 'docker-archive' || !isIndexType(opened.root.mediaType)
  const some = wanted ? platforms : [host.platform]
  const isFile = from.kind === 'oci' || from.kind === 'oci-archive'
  const chosen =
    isFile && some.length === 0 && options.allPlatforms !== true
      ? await choosePresent(opened.source, opened.root, options.from)
      : await choosePlatforms(opened.source, opened.root, some, options.from)
  // The store knows an image's original form, and a registry gets that if it is still available.
  const known =
    opened.entry === undefined ? undefined : pulledAsWithin(host.store, opened.entry, chosen.root)?.manifest.digest
  const before = known ?? (chosen.changed === undefined ? chosen.root : opened.root).digest
  const { way, close } = await prepare(host, opened, chosen, from, to, options)
  const target = await openTarget(host, from, to, opened.entry, options)
  try {
    refuseChange(way.changed, options)
    const { blob, pulledAs, skipped = [] } = await target.write(way)
    // The store records what others know the image by, since it can be fetched from that registry again.
    const asKnown = to.kind === 'store' && from.kind === 'registry' && way.changed === undefined
    const same = blob.digest === before || asKnown
    if (!same) refuseChange(way.changed ?? reasonOf(from, to), options, before)
    const referrers = await attached(opened, target, way, options)
    await target.name(blob, pulledAs)
    const shown = to.kind === 'store' ? (pulledAs?.manifest ?? blob) : blob
    const { digest, mediaType, size } = shown
    // An archive without a manifest has no digest to preserve.
    const previous = digest === before || opened.plain === true ? {} : { previousDigest: before }
    return { fullName: formatTransport(to), digest, mediaType, size, skipped, referrers, ...previous }
  } catch (error) {
    await target.abort()
    throw error
  } finally {
    close()
    target.close()
  }
}

async function attached(
  { referrers: from }: OpenedImage,
  { attach }: CopyTarget,
  way: OnItsWay,
  { referrers = false, allPlatforms = false, report }: CopyOptions,
): Promise<readonly Digest[]> {
  const wanted = { subjects: referrers, tags: allPlatforms }
  if (from === undefined || attach === undefined || !(wanted.subjects || wanted.tags)) return []
  return copyReferrers(from, { attach }, way, wanted, report)
}

/** Transforms the image as requested for the destination. */
async function prepare(
  host: Host,
  opened: OpenedImage,
  chosen: OnItsWay,
  from: Transport,
  to: Transport,
  options: CopyOptions,
): Promise<{ readonly way: OnItsWay; close(): void }> {
  const { format, compression = 'gzip', compressionLevel: level, signal } = options
  // A push compresses layers and converts formats itself.
  if (from.kind === 'store' && to.kind === 'registry') return { way: chosen, close: () => {} }
  const changed = async () => {
    if (to.kind === 'docker-archive') {
      // The format supports only container images.
      const image = await readCompressed(chosen.source, chosen.root, options.from)
      const { unpackLayers } = await import('../../images/rewrite/index.ts')
      const unpacked = await unpackLayers(host, image, signal)
      return (
        unpacked && {
          ...unpacked,
          changed:
            'its layers are decompressed, because not every reader of docker archives supports their compression',
        }
      )
    }
    if (opened.plain !== true || to.kind !== 'registry') return undefined
    refuseChange('a docker archive has uncompressed layers, which are compressed for a registry', options)
    const { compressLayers } = await import('../../images/rewrite/index.ts')
    const compressed = await compressLayers(host, chosen.source, chosen.root, { compression, level, signal })
    return { ...compressed, changed: 'its layers were compressed' }
  }
  const other = await changed()
  const way: OnItsWay = other ?? chosen
  const close = () => other?.close()
  if (format === undefined) return { way, close }
  try {
    const converted = await convertFormat(way.source, way.root, format)
    return { way: { ...converted, changed: converted.changed ?? way.changed }, close }
  } catch (error) {
    close()
    throw error
  }
}

function platformsOf(host: Host, to: Transport, options: CopyOptions): readonly Platform[] {
  const platforms = (options.platforms ?? []).map((text) => normalizePlatform(parsePlatform(text, host.platform)))
  const invalid = (message: string, remedy: string) => new TareError('OPTION_INVALID', message, { remedy })
  if (options.allPlatforms === true && platforms.length > 0)
    throw invalid('--platform and --all cannot be combined', 'Use one of them.')
  if (to.kind === 'docker-archive' && (options.allPlatforms === true || platforms.length > 1))
    throw invalid(
      'a docker archive holds one platform of an image',
      'Choose one with --platform, or copy to an oci-archive, which can hold all of them.',
    )
  if (to.kind === 'store' && options.format !== undefined)
    throw invalid('the store has its own format', 'Drop --format, and use it when pushing.')
  if (to.kind !== 'registry' && (options.compression !== undefined || options.compressionLevel !== undefined))
    throw invalid(
      'layers are compressed only for a registry, and are copied elsewhere as they are',
      'Drop --compression; tare build -o type=oci,dest=FILE,compression=zstd writes a compressed archive.',
    )
  return platforms
}

function refuseReferrers(from: Transport, to: Transport, { referrers, format }: CopyOptions): void {
  if (referrers !== true) return
  const invalid = (message: string, remedy: string) => new TareError('OPTION_INVALID', message, { remedy })
  for (const [{ kind }, word] of [
    [from, 'from'],
    [to, 'into'],
  ] as const)
    if (kind === 'store' || kind === 'docker-archive')
      throw invalid(
        `signatures and SBOMs cannot be copied ${word} ${kind === 'store' ? 'the store' : 'a docker archive'}, which does not support them`,
        'Copy between registries, oci: and oci-archive:.',
      )
  if (format !== undefined)
    throw invalid(
      'referrers contain the image’s digest, which --format changes',
      'Use only one of --referrers and --format.',
    )
}

function reasonOf(from: Transport, to: Transport): string {
  if (to.kind === 'store')
    return 'the store keeps layers uncompressed, and recompressing does not reproduce the original bytes'
  return from.kind === 'store' && to.kind === 'registry'
    ? 'its original layers are no longer available'
    : 'the store keeps layers uncompressed, and recompressing does not reproduce the original bytes'
}

function refuseChange(changed: string | undefined, options: CopyOptions, before?: Digest): void {
  if (changed === undefined || options.preserveDigests !== true) return
  throw new TareError(
    'DIGEST_CHANGES',
    `${options.from} cannot be copied to ${options.to} with ${before === undefined ? 'its digest' : `the digest ${before}`}: ${changed}`,
    { remedy: 'Without --preserve-digests the copy gets a new digest.' },
  )
}
