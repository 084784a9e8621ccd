import type {
  ArchiveOutput,
  BuildAnnotation,
  BuildOptions,
  BuildOutput,
  ImageForm,
  ImageOutput,
} from '../../api/index.ts'
import { formatPlatform, type Platform, type Reference } from '../../oci/index.ts'
import { annotationList, type Holder, invalid, refuseInvalid, whyNot } from './annotations.ts'
import { readRepository, readTag } from './names.ts'
import { refused, refusePlaces } from './output-places.ts'
import type { ResolvedOutput } from './types.ts'

/** What decides where a build's result can go. */
export interface OutputSettings {
  readonly options: BuildOptions
  readonly platforms: readonly Platform[]
  /** Where the store is. */
  readonly home: string
  /** Whether there will be an index even of one platform. */
  readonly isAttested: (output: BuildOutput) => boolean
}

/**
 * Returns the outputs of a build with their names and annotations. Throws for what cannot be made, before any work:
 * `OUTPUT_INVALID`, `ANNOTATION_INVALID`, `REFERENCE_INVALID`.
 */
export function resolveOutputs(settings: OutputSettings): readonly ResolvedOutput[] {
  const { options, platforms } = settings
  const outputs = options.outputs === undefined || options.outputs.length === 0 ? [image] : options.outputs
  const own = outputs.map((output): BuildOutput => (options.load === true ? loaded(output) : output)).map(complete)
  for (const output of own) refuseImpossible(output, settings)
  refusePlaces(own, options, settings.home)
  const holders = own.map((output) => ({
    output,
    platforms,
    isIndex: platforms.length > 1 || settings.isAttested(output),
  }))
  const all = annotationList(options.annotations)
  for (const annotation of all) refuseUnheld(annotation, holders)
  return holders.map((holder) => {
    const { output } = holder
    const further = 'annotations' in output ? (output.annotations ?? []) : []
    for (const annotation of further) {
      refuseInvalid(annotation, platforms)
      const why = whyNot(annotation, holder)
      if (why !== undefined) throw invalid(annotation.key, why)
    }
    const held = all.filter((annotation) => whyNot(annotation, holder) === undefined)
    return { output, annotations: [...held, ...further], names: namesOf(output, options.tags ?? []) }
  })
}

/** Returns the registries that the image is pushed to; none if it also goes elsewhere. */
export function pushedOnlyTo(outputs: readonly ResolvedOutput[]): readonly string[] {
  const isPush = ({ output }: ResolvedOutput) =>
    output.kind === 'image' && output.push === true && output.unpack !== true
  if (!outputs.every(isPush)) return []
  return [...new Set(outputs.flatMap(({ names }) => names.map(({ registry }) => registry)))]
}

const image: ImageOutput = { kind: 'image' }

function loaded(output: BuildOutput): BuildOutput {
  return output.kind === 'image' && output.store !== false ? { ...output, load: true } : output
}

function complete(output: BuildOutput): BuildOutput {
  return output.kind === 'image' && output.load === true ? { ...output, unpack: true } : output
}

function refuseUnheld(annotation: BuildAnnotation, holders: readonly Holder[]): void {
  refuseInvalid(annotation, holders[0]!.platforms)
  const why = holders.map((holder) => whyNot(annotation, holder))
  if (!why.includes(undefined)) throw invalid(annotation.key, why[0]!)
}

function namesOf(output: BuildOutput, tags: readonly string[]): readonly Reference[] {
  if (output.kind === 'cacheonly') return []
  const own = output.kind === 'local' || output.kind === 'tar' ? undefined : output.names
  const texts = own === undefined || own.length === 0 ? tags : own
  return texts.map(output.kind === 'image' && output.byDigest === true ? readRepository : readTag)
}

function refuseImpossible(output: BuildOutput, { options, platforms }: OutputSettings): void {
  if (output.kind === 'image') refuseImage(output, options.tags ?? [])
  if (output.kind === 'archive') refuseArchive(output, platforms)
  if (output.kind === 'image' || output.kind === 'archive') refuseCompression(output)
  if (output.kind === 'image' || output.kind === 'archive') refuseInline(output)
  if ((output.kind === 'local' || output.kind === 'tar') && /[/\0]/.test(output.attestationPrefix ?? ''))
    throw refused('attestation-prefix must not have a slash', 'It is the start of a file’s name.')
  if ((output.kind === 'local' || output.kind === 'tar') && output.epoch !== undefined && output.epoch < 0)
    throw refused('source-date-epoch must not be negative', 'Write seconds since 1970.')
}

function refuseImage(output: ImageOutput, tags: readonly string[]): void {
  const { push = false, store = true, byDigest = false, names = [], danglingPrefix, canonicalName, unpack } = output
  const isNamed = names.length > 0 || tags.length > 0
  if (push && !isNamed)
    throw refused('tag is needed when pushing to registry', 'Name the image with -t REGISTRY/REPOSITORY:TAG.')
  if (byDigest && !push) throw refused('push-by-digest=true needs push=true', 'Add push=true.')
  if (!store && !push) throw refused('store=false without push=true leaves nothing', 'Use type=cacheonly.')
  if (!store && (unpack === true || canonicalName === true || danglingPrefix !== undefined))
    throw refused('unpack, name-canonical and dangling-name-prefix are about the store', 'Drop store=false.')
  if (danglingPrefix !== undefined) readRepository(danglingPrefix)
}

function refuseInline(output: ImageOutput | ArchiveOutput): void {
  if (output.attestationInline !== true) return
  if (output.format === 'docker' || (output.kind === 'archive' && output.layout === 'docker'))
    throw refused('attestation-inline=true needs OCI’s index', 'Use type=oci or a push, without oci-mediatypes=false.')
  if (output.kind === 'image' && output.push !== true)
    throw refused('attestation-inline=true needs a push', 'The store keeps images without attestations.')
}

function refuseArchive({ layout, format, folder, to }: ArchiveOutput, platforms: readonly Platform[]): void {
  if (layout === 'docker' && platforms.length > 1)
    throw refused(
      'docker exporter does not currently support exporting manifest lists',
      `This build is for ${platforms.map(formatPlatform).join(', ')}: choose one, or use type=oci.`,
    )
  if (folder === true && !('path' in to)) throw refused('tar=false needs a dest', 'Name a folder: dest=DIR.')
  if (folder === true && layout === 'docker' && format === 'docker')
    throw refused('a folder is an OCI layout', 'Drop oci-mediatypes=false.')
}

function refuseCompression({ compression, compressionLevel: level, format }: ImageForm): void {
  if (compression === 'zstd' && format === 'docker')
    throw refused('zstd layers need oci-mediatypes=true', 'Docker’s own format has gzip only.')
  if (level === undefined) return
  if (compression === 'uncompressed') throw refused('compression-level needs a compression', 'Drop it.')
  const most = compression === 'zstd' ? 19 : 9
  if (level < 1 || level > most)
    throw refused(`compression-level=${level} is out of range`, `For ${compression ?? 'gzip'} it is 1 to ${most}.`)
}
