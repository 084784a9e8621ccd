import type { ImageSummary, PlatformSummary } from '../api/index.ts'
import type { Store } from '../content/store/index.ts'
import { matchPath } from '../dockerfile/values/index.ts'
import { type Descriptor, familiarRepository, formatPlatform } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { imagesBelow } from './image-documents.ts'
import { imageSize, noTime } from './image-sizes.ts'
import { shownDigest } from './pulled-as.ts'
import { findImage, type NamedImage } from './stored-image.ts'

/** Returns the lines for an image in a list: one per name. */
export function summaries(store: Store, image: NamedImage): ImageSummary[] {
  const { id, config, names, entries } = image
  const base = {
    id,
    digest: shownDigest(store, entries[0]!),
    created: config.created ?? noTime,
    size: imageSize(store, image),
    labels: config.config.Labels ?? {},
    platform: formatPlatform(config.platform),
  }
  if (names.length === 0) return [base]
  return entries.flatMap(({ name }, i) =>
    name === undefined
      ? []
      : {
          ...base,
          digest: shownDigest(store, entries[i]!),
          repository: familiarRepository(name),
          ...(name.tag === undefined ? {} : { tag: name.tag }),
        },
  )
}

/** Returns the images that a manifest or an index leads to, as far as they are in the store. */
export function platformSummaries(store: Store, root: Descriptor): readonly PlatformSummary[] {
  return imagesBelow(store, root).map(({ blob, manifest, config }) => ({
    platform: formatPlatform(blob.platform ?? config.platform),
    id: manifest.config.digest,
    digest: blob.digest,
    created: config.created ?? noTime,
    size: imageSize(store, { manifest, config }),
  }))
}

/** Matches `alpine`, `alpine:3.19`, `my/*:1.*`: a pattern without a tag matches any tag. */
function isMeant(line: ImageSummary, reference: string): boolean {
  if (line.repository === undefined) return false
  const familiar = reference.replace(/^(?:index\.)?docker\.io\/(?:library\/)?/, '')
  const colon = familiar.lastIndexOf(':')
  const hasTag = colon > familiar.lastIndexOf('/')
  const repository = hasTag ? familiar.slice(0, colon) : familiar
  return matchPath(repository, line.repository) && (!hasTag || matchPath(familiar.slice(colon + 1), line.tag ?? ''))
}

/** What a list or a removal of images is limited to. */
export interface ImageFilters {
  /** True: images without a name; false: those with one. */
  readonly dangling: boolean | undefined
  /** Whether an image passes all of the others but `reference`. */
  matches(image: NamedImage): boolean
  /** Whether a line of the list is named as a `reference` says. */
  names(line: ImageSummary): boolean
}

/** Of several references one must match; of every other kind, all must. Throws `FILTER_INVALID`. (moby, daemon/images: Images) */
export function readFilters(texts: readonly string[], host: Host, all: readonly NamedImage[]): ImageFilters {
  const tests: ((image: NamedImage) => boolean)[] = []
  const references: string[] = []
  const dangling = new Set<boolean>()
  for (const text of texts) {
    const filter = readFilter(text, host, all)
    if (typeof filter === 'function') tests.push(filter)
    else if (typeof filter === 'string') references.push(filter)
    else dangling.add(filter)
  }
  if (dangling.size > 1)
    throw new TareError('FILTER_INVALID', 'invalid filter "dangling": it is both true and false', {
      remedy: 'Use one of them.',
    })
  return {
    dangling: [...dangling][0],
    matches: (image) => tests.every((test) => test(image)),
    names: (line) => references.length === 0 || references.some((reference) => isMeant(line, reference)),
  }
}

/** Returns a test, or the pattern of `reference`, or the value of `dangling`. */
function readFilter(
  text: string,
  host: Host,
  all: readonly NamedImage[],
): ((image: NamedImage) => boolean) | string | boolean {
  const equals = text.indexOf('=')
  const key = equals < 0 ? text : text.slice(0, equals)
  const value = text.slice(equals + 1)
  const invalid = (why: string) =>
    new TareError('FILTER_INVALID', `invalid filter "${text}": ${why}`, {
      remedy:
        'Filters are dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME and reference=PATTERN.',
    })
  if (equals < 0) throw invalid('it has no "="')
  const at = (image: NamedImage) => Date.parse(image.config.created ?? noTime)
  const timeOf = (name: string) => at(findAmong(host, all, name))
  switch (key) {
    case 'dangling': {
      if (!/^(?:true|false|1|0|t|f)$/i.test(value)) throw invalid('its value must be true or false')
      return /^[t1]/i.test(value)
    }
    case 'label':
      return ({ config }) => hasLabel(config.config.Labels ?? {}, value)
    case 'label!':
      return ({ config }) => !hasLabel(config.config.Labels ?? {}, value)
    case 'before': {
      const time = timeOf(value)
      return (image) => at(image) < time
    }
    case 'since': {
      const time = timeOf(value)
      return (image) => at(image) > time
    }
    case 'until': {
      const time = readTime(value, host.now())
      if (time === undefined) throw invalid('its time is invalid')
      return (image) => at(image) < time
    }
    case 'reference':
      return value
    default:
      throw invalid(`there is no filter "${key}"`)
  }
}

function findAmong(host: Host, all: readonly NamedImage[], name: string): NamedImage {
  const found = findImage(host.store, name, host.platform)
  return all.find(({ root }) => root.digest === found.root.digest) ?? found
}

function hasLabel(labels: Readonly<Record<string, string>>, text: string): boolean {
  const equals = text.indexOf('=')
  if (equals < 0) return Object.hasOwn(labels, text)
  return labels[text.slice(0, equals)] === text.slice(equals + 1)
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** Parses a time as in docker's filters: `24h`, seconds since 1970, or a date. Returns milliseconds since 1970. */
export function readTime(text: string, now: Date): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  if (/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(text)) {
    const span = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)].reduce(
      (sum, [, count, unit]) => sum + Number(count) * units[unit!]!,
      0,
    )
    return now.getTime() - span
  }
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
