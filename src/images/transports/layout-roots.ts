import type { ArchiveSource, LayoutRoot } from '../../content/archive/index.ts'
import { type Descriptor, type Digest, familiarName, flattenIndex, isIndexType, openIndex } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { readIfThere, readWhole } from '../index.ts'
import { subjectOf } from './copy-referrers.ts'
import type { LayoutTransport } from './transport.ts'

/**
 * Finds an image in a layout: by `ref.name`, by the tag of its full name, by a digest, which may be that of an image within an
 * index; or, without any of these, the only one. Rejects with `IMAGE_UNKNOWN` and `IMAGE_AMBIGUOUS`.
 */
export async function rootOfLayout(
  archive: ArchiveSource,
  transport: LayoutTransport,
  what: string,
): Promise<Descriptor> {
  const roots = await archive.roots()
  const { label, digest } = transport
  if (digest !== undefined) {
    const found = await withDigest(archive, roots, digest)
    if (found === undefined) throw unknown(what, roots)
    return found
  }
  if (label === undefined) {
    const images = roots.length > 1 ? await withoutReferrers(archive, roots) : roots
    if (images.length > 1) throw ambiguous(what, images)
    if (images[0] === undefined) throw unknown(what, roots)
    return images[0].blob
  }
  const exactly = roots.find(({ labels }) => labels.includes(label))
  if (exactly !== undefined) return exactly.blob
  const named = roots.filter(({ names }) => names.some((name) => name.tag === label || familiarName(name) === label))
  if (named.length > 1) throw ambiguous(what, named)
  if (named[0] === undefined) throw unknown(what, roots)
  return named[0].blob
}

/** Drops roots that only refer to others: signatures and SBOMs, and what cosign stores under tags. */
async function withoutReferrers(archive: ArchiveSource, roots: readonly LayoutRoot[]): Promise<readonly LayoutRoot[]> {
  const images: LayoutRoot[] = []
  for (const root of roots) {
    const isTagged = root.labels.some((label) => /^sha256-[0-9a-f]{64}\./.test(label))
    if (!isTagged && (await subjectOf(archive, root.blob)) === undefined) images.push(root)
  }
  return images
}

async function withDigest(
  archive: ArchiveSource,
  roots: readonly LayoutRoot[],
  digest: Digest,
): Promise<Descriptor | undefined> {
  let found = roots.find(({ blob }) => blob.digest === digest)?.blob
  for (const { blob } of roots) {
    if (found !== undefined) break
    if (!isIndexType(blob.mediaType)) continue
    const inner: Descriptor[] = []
    const what = `the index ${blob.digest}`
    const read = async (index: Descriptor) => {
      inner.push(index)
      return readIfThere(archive, index, what)
    }
    const entries = await flattenIndex(openIndex(await readWhole(archive, blob, what), what), read, what)
    found = [...inner, ...entries.map((entry) => entry.blob)].find((one) => one.digest === digest)
  }
  return found
}

function listOf(roots: readonly LayoutRoot[]): string {
  return roots
    .map(({ blob, labels }) => labels[0] ?? `@${blob.digest}`)
    .sort()
    .join(', ')
}

function unknown(what: string, roots: readonly LayoutRoot[]): TareError {
  const remedy =
    roots.length === 0 ? 'It contains no OCI layout, or one without images.' : `It contains ${listOf(roots)}.`
  return new TareError('IMAGE_UNKNOWN', `there is no image ${what}`, { remedy })
}

function ambiguous(what: string, roots: readonly LayoutRoot[]): TareError {
  return new TareError('IMAGE_AMBIGUOUS', `${what} has several images`, {
    remedy: `Choose one, as in PATH:TAG or PATH@DIGEST: ${listOf(roots)}.`,
  })
}
