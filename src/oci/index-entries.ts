import { type Descriptor, parseDescriptor } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { parseDocument } from './document.ts'
import { goJson } from './json.ts'
import { parseIndex } from './manifest.ts'

type Json = Readonly<Record<string, unknown>>

/** A line of an index: what we know of it, and all that it says. */
export interface IndexEntry {
  readonly blob: Descriptor
  readonly json: Json
}

/** An index that can be written again without losing members that nobody here knows. */
export interface OpenIndex {
  readonly document: Json
  readonly mediaType: string
  readonly entries: readonly IndexEntry[]
}

const attested = 'vnd.docker.reference.digest'

/** Throws `MANIFEST_INVALID`; `what` names the index in the message. */
export function openIndex(json: Uint8Array, what: string): OpenIndex {
  const { mediaType, manifests } = parseIndex(json, what)
  const document = parseDocument(json, what)
  const raw = (document['manifests'] ?? []) as Json[]
  return { document, mediaType, entries: manifests.map((blob, i) => ({ blob, json: raw[i]! })) }
}

/** The index with other entries, or of another type. */
export function writeIndex({ document, mediaType, entries }: OpenIndex): Buffer {
  // First, where Go writes them; what the document has besides comes in its own order.
  const head = { schemaVersion: 2, mediaType, manifests: entries.map(({ json }) => json) }
  return Buffer.from(goJson({ ...head, ...document, ...head }, 2))
}

/** The entry, speaking of something else: its platform and notes stay. */
export function repointed(entry: IndexEntry, { mediaType, digest, size }: Descriptor): IndexEntry {
  return rewritten(entry, { mediaType, digest, size })
}

/** The entry with other members; undefined takes one away. */
export function rewritten({ json, blob }: IndexEntry, members: Json): IndexEntry {
  const changed = Object.fromEntries(Object.entries({ ...json, ...members }).filter(([, value]) => value !== undefined))
  return { json: changed, blob: parseDescriptor(changed, `the entry ${blob.digest}`) }
}

/** The image of which an attestation speaks. */
export function attestedDigest({ annotations }: Descriptor): Digest | undefined {
  return annotations?.[attested] as Digest | undefined
}

/** The attestation, speaking of an image that has another digest now. */
export function attestingTo(entry: IndexEntry, digest: Digest): IndexEntry {
  return rewritten(entry, { annotations: { ...entry.blob.annotations, [attested]: digest } })
}
