import type { BuildAnnotation, BuildOutput } from '../../api/index.ts'
import { formatPlatform, normalizePlatform, type Platform, parsePlatform } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

type Kind = NonNullable<BuildAnnotation['on']>
type Notes = Readonly<Record<string, string>>

/** Returns the annotations of one kind that apply to a platform, or to the whole; undefined for none. */
export function notesOf(annotations: readonly BuildAnnotation[], kind: Kind, platform?: Platform): Notes | undefined {
  const found = annotations.filter(
    ({ on = 'manifest', platform: only }) =>
      on === kind && (only === undefined || (platform !== undefined && isPlatform(only, platform))),
  )
  return found.length === 0 ? undefined : Object.fromEntries(found.map(({ key, value }) => [key, value]))
}

function isPlatform(text: string, platform: Platform): boolean {
  return formatPlatform(normalizePlatform(parsePlatform(text, platform))) === formatPlatform(platform)
}

/** Returns the build's annotations as a list. */
export function annotationList(
  annotations: Notes | readonly BuildAnnotation[] | undefined,
): readonly BuildAnnotation[] {
  if (annotations === undefined) return []
  if (Array.isArray(annotations)) return annotations as readonly BuildAnnotation[]
  return Object.entries(annotations as Notes).map(([key, value]) => ({ key, value }))
}

/** What decides whether an output can hold an annotation. */
export interface Holder {
  readonly output: BuildOutput
  readonly platforms: readonly Platform[]
  /** Whether it is an index, even for one platform. */
  readonly isIndex: boolean
}

/** Returns why the output cannot hold the annotation; undefined if it can. */
export function whyNot({ on = 'manifest' }: BuildAnnotation, { output, isIndex }: Holder): string | undefined {
  if (output.kind === 'cacheonly' || output.kind === 'local' || output.kind === 'tar')
    return `the output type=${output.kind} has no annotations`
  if (output.format === 'docker') return 'Docker’s manifests have no annotations: they need oci-mediatypes=true'
  const isLayout = output.kind === 'archive'
  switch (on) {
    case 'index':
      return isIndex ? undefined : 'there is no index of a single platform'
    case 'index-descriptor':
      if (!isLayout) return 'only the type oci has a descriptor of the index'
      return isIndex ? undefined : 'there is no index of a single platform'
    case 'manifest-descriptor':
      return isLayout || isIndex ? undefined : 'there is no descriptor of the manifest without an index'
    default:
      return undefined
  }
}

/** Throws `ANNOTATION_INVALID` for one that nothing can hold, whatever the outputs. */
export function refuseInvalid(
  { key, on = 'manifest', platform }: BuildAnnotation,
  platforms: readonly Platform[],
): void {
  if (key === '') throw invalid(key, 'it has no key')
  if (platform === undefined) return
  if (on === 'index' || on === 'index-descriptor') throw invalid(key, 'an index has no platform')
  if (platforms.some((built) => isPlatform(platform, built))) return
  throw invalid(
    key,
    `${platform} is not built`,
    `The platforms of this build are ${platforms.map(formatPlatform).join(', ')}.`,
  )
}

export function invalid(key: string, why: string, remedy?: string): TareError {
  return new TareError('ANNOTATION_INVALID', `the annotation ${JSON.stringify(key)} cannot be kept: ${why}`, {
    remedy: remedy ?? 'Annotate something else: manifest, manifest-descriptor, index or index-descriptor.',
  })
}
