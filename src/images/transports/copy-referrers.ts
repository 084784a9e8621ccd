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

/** A source that knows which manifests refer to its images. */
export interface ReferrersSource {
  readonly source: Source
  /** Returns the manifests with this one as their subject. */
  referrers(digest: Digest): Promise<readonly Descriptor[]>
  /** Returns what a tag next to the image points to; undefined if there is none. */
  tagged(tag: string): Promise<Descriptor | undefined>
}

/** A destination that accepts referrers. */
export interface ReferrersTarget {
  /** Copies a manifest with everything it refers to, under a tag if given. */
  attach(source: Source, blob: Descriptor, tag?: string): Promise<void>
}

export interface ReferrersWanted {
  /** Include manifests whose subject is the image, one of an index's images, or another referrer. */
  readonly subjects: boolean
  /** Include cosign's tags derived from the digest. */
  readonly tags: boolean
}

/** Copies an image's referrers. Returns their digests in the order they were copied. */
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
        // A list under a tag may contain entries that have since been deleted.
        report?.({
          type: 'warning',
          rule: 'ReferrerMissing',
          message: `${blob.digest}, which refers to ${digest}, does not exist`,
        })
        continue
      }
      copied.add(blob.digest)
      // For signatures of signatures.
      queue.push(blob.digest)
    }
  }
  return [...copied]
}

// No legitimate image has more.
const mostReferrers = 1000

function tooMany(): TareError {
  return new TareError('MANIFEST_INVALID', `more than ${mostReferrers} manifests refer to the image`, {
    remedy: 'Copy it without --referrers, and the ones you need by digest.',
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

/** Returns the manifest or index, and all manifests and indexes below it. */
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

/** `name` is the image's; tags are looked up in its repository. */
export function registryReferrers(registry: Registry, name: Reference): ReferrersSource {
  const { digest: _, ...plain } = name
  return {
    source: registry,
    referrers: (digest) => registry.referrers(digest),
    tagged: (tag) => registry.resolve({ ...plain, tag }),
  }
}

/** In a layout, each manifest states its subject. */
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

/** Returns the subject of a layout's root; undefined for an image. */
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
