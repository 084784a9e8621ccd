import { type Descriptor, parseDescriptor } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { parseDocument } from './document.ts'
import { goJson } from './json.ts'
import { parseIndex } from './manifest.ts'

type Json = Readonly<Record<string, unknown>>

/** An index entry: its descriptor, and its original JSON. */
export interface IndexEntry {
  readonly blob: Descriptor
  readonly json: Json
}

/** A parsed index that can be written back without losing unknown members. */
export interface OpenIndex {
  readonly document: Json
  readonly mediaType: string
  readonly entries: readonly IndexEntry[]
}

const attested = 'vnd.docker.reference.digest'

/** Parses an index. Throws `MANIFEST_INVALID`; `what` names the index in the message. */
export function openIndex(json: Uint8Array, what: string): OpenIndex {
  const { mediaType, manifests } = parseIndex(json, what)
  const document = parseDocument(json, what)
  const raw = (document['manifests'] ?? []) as Json[]
  return { document, mediaType, entries: manifests.map((blob, i) => ({ blob, json: raw[i]! })) }
}

/** Serializes the index. */
export function writeIndex({ document, mediaType, entries }: OpenIndex): Buffer {
  // These come first, as Go writes them; other members keep their order.
  const head = { schemaVersion: 2, mediaType, manifests: entries.map(({ json }) => json) }
  return Buffer.from(goJson({ ...head, ...document, ...head }, 2))
}

/** Returns the entry with another target, keeping its platform and annotations. */
export function repointed(entry: IndexEntry, { mediaType, digest, size }: Descriptor): IndexEntry {
  return rewritten(entry, { mediaType, digest, size })
}

/** Returns the entry with some members replaced; undefined removes a member. */
export function rewritten({ json, blob }: IndexEntry, members: Json): IndexEntry {
  const changed = Object.fromEntries(Object.entries({ ...json, ...members }).filter(([, value]) => value !== undefined))
  return { json: changed, blob: parseDescriptor(changed, `the entry ${blob.digest}`) }
}

/** Returns the digest of the image an attestation describes. */
export function attestedDigest({ annotations }: Descriptor): Digest | undefined {
  return annotations?.[attested] as Digest | undefined
}

/** Returns the attestation, now describing an image whose digest has changed. */
export function attestingTo(entry: IndexEntry, digest: Digest): IndexEntry {
  return rewritten(entry, { annotations: { ...entry.blob.annotations, [attested]: digest } })
}
