import type { ArchiveSource } from '../../content/archive/index.ts'
import type { Source } from '../../content/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import {
  type Descriptor,
  type Digest,
  flattenIndex,
  hexOf,
  isIndexType,
  isManifestType,
  openIndex,
  parseIndex,
  parseManifest,
  type Reference,
} from '../../oci/index.ts'
import { type Reporter, TareError } from '../../support/index.ts'
import type { OnItsWay } from '../index.ts'
import { readIfThere, readWhole } from '../index.ts'

/** A place that knows what refers to its images. */
export interface ReferrersSource {
  readonly source: Source
  /** What names the manifest as its subject. */
  referrers(digest: Digest): Promise<readonly Descriptor[]>
  /** What a tag points at, beside the image; undefined where there is none. */
  tagged(tag: string): Promise<Descriptor | undefined>
}

/** A place that takes what refers to an image. */
export interface ReferrersTarget {
  /** With all that it names; with a tag, under that. */
  attach(source: Source, blob: Descriptor, tag?: string): Promise<void>
}

export interface ReferrersWanted {
  /** What names the image, or one of an index, as its subject; and what names that. */
  readonly subjects: boolean
  /** What cosign has under tags of the digest. */
  readonly tags: boolean
}

/** Copies what refers to an image. Returns the digests, in the order in which they came. */
export async function copyReferrers(
  from: ReferrersSource,
  to: ReferrersTarget,
  { source, root }: OnItsWay,
  wanted: ReferrersWanted,
  report: Reporter | undefined,
): Promise<readonly Digest[]> {
  const copied = new Set<Digest>()
  const queue = [...(await documentsIn(source, root))]
  const asked = new Set<Digest>()
  for (let digest = queue.shift(); digest !== undefined; digest = queue.shift()) {
    if (asked.has(digest)) continue
    asked.add(digest)
    for (const { blob, tag } of await found(from, digest, wanted)) {
      if (tag === undefined && copied.has(blob.digest)) continue
      if (copied.size === mostReferrers) throw tooMany()
      try {
        await to.attach(from.source, blob, tag)
      } catch (error) {
        if (!(error instanceof TareError) || error.code !== 'BLOB_MISSING') throw error
        // A list under a tag may be older than what was removed since.
        report?.({
          type: 'warning',
          rule: 'ReferrerMissing',
          message: `${blob.digest}, which refers to ${digest}, is not there`,
        })
        continue
      }
      copied.add(blob.digest)
      // Signatures of signatures.
      queue.push(blob.digest)
    }
  }
  return [...copied]
}

// More is nobody's signatures.
const mostReferrers = 1000

function tooMany(): TareError {
  return new TareError('MANIFEST_INVALID', `more than ${mostReferrers} manifests refer to the image`, {
    remedy: 'Copy it without --referrers, and what you need of them by their digests.',
  })
}

interface Found {
  readonly blob: Descriptor
  readonly tag?: string
}

// (cosign, "Specification of storage")
const cosignSuffixes = ['sig', 'att', 'sbom']

async function found(from: ReferrersSource, digest: Digest, wanted: ReferrersWanted): Promise<readonly Found[]> {
  const all: Found[] = wanted.subjects ? (await from.referrers(digest)).map((blob) => ({ blob })) : []
  if (!wanted.tags) return all
  for (const suffix of cosignSuffixes) {
    const tag = `sha256-${hexOf(digest)}.${suffix}`
    const blob = await from.tagged(tag)
    if (blob !== undefined) all.push({ blob, tag })
  }
  return all
}

/** The manifest or index, and all that it names of the like. */
async function documentsIn(source: Source, root: Descriptor): Promise<readonly Digest[]> {
  if (!isIndexType(root.mediaType)) return [root.digest]
  const what = `the index ${root.digest}`
  const inner: Digest[] = []
  const read = async (blob: Descriptor) => {
    inner.push(blob.digest)
    return readIfThere(source, blob, what)
  }
  const entries = await flattenIndex(openIndex(await readWhole(source, root, what), what), read, what)
  return [root.digest, ...inner, ...entries.map(({ blob }) => blob.digest)]
}

/** `name` is the image's, in whose repository tags are looked for. */
export function registryReferrers(registry: Registry, name: Reference): ReferrersSource {
  const { digest: _, ...plain } = name
  return {
    source: registry,
    referrers: (digest) => registry.referrers(digest),
    tagged: (tag) => registry.resolve({ ...plain, tag }),
  }
}

/** A layout says in each manifest what that speaks of. */
export function layoutReferrers(archive: ArchiveSource): ReferrersSource {
  let known: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined
  return {
    source: archive,
    referrers: async (digest) => {
      known ??= subjectsOf(archive)
      return (await known).get(digest) ?? []
    },
    tagged: async (tag) => (await archive.roots()).find(({ labels }) => labels.includes(tag))?.blob,
  }
}

async function subjectsOf(archive: ArchiveSource): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const subjects = new Map<Digest, Descriptor[]>()
  for (const { blob } of await archive.roots()) {
    const subject = await subjectOf(archive, blob)
    if (subject !== undefined) subjects.set(subject, [...(subjects.get(subject) ?? []), blob])
  }
  return subjects
}

/** What a root of a layout speaks of; undefined for an image. */
export async function subjectOf(
  archive: ArchiveSource,
  { mediaType, digest, size }: Descriptor,
): Promise<Digest | undefined> {
  if (!isIndexType(mediaType) && !isManifestType(mediaType)) return undefined
  const what = `the document ${digest}`
  const bytes = await readIfThere(archive, { mediaType, digest, size }, what)
  if (bytes === undefined) return undefined
  return (isIndexType(mediaType) ? parseIndex(bytes, what) : parseManifest(bytes, what)).subject?.digest
}
