import { join } from 'node:path'
import type { ProcessFiles } from '../../disk/index.ts'
import {
  type Descriptor,
  type Digest,
  descriptorJson,
  formatReference,
  goJson,
  mediaTypes,
  parseIndex,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { type Facts, factsAsAnnotations, isFact, readFacts } from './facts.ts'
import { IndexFile } from './index-file.ts'

/** An entry of the store's index.json: an image with a name, or without one (dangling). */
export interface StoreEntry extends Facts {
  readonly manifest: Descriptor
  readonly name?: Reference
  /** The entry's `ref.name`; another tool may have set only a tag. */
  readonly refName?: string
  /** When it was named or stored (RFC 3339). */
  readonly tagged?: string
  /** Annotations set by other tools. */
  readonly notes?: Readonly<Record<string, string>>
}

// `ref.name` holds the full name, so that skopeo and umoci find an image as `<store>:docker.io/library/app:latest`.
const nameKey = 'org.opencontainers.image.ref.name'
const taggedKey = 'dev.tare.tagged'

/** The names of the store's images: its index.json, replaced atomically, and a copy of the previous one in `tare/`. */
export class Names {
  private readonly home: string
  private readonly file: IndexFile

  constructor(home: string, scratch: ProcessFiles, warn: (message: string) => void) {
    this.home = home
    this.file = new IndexFile(home, scratch, warn)
  }

  /** Returns all entries, oldest first; none if there is no store yet. Throws `STORE_INVALID` if index.json cannot be parsed. */
  entries(): StoreEntry[] {
    const text = this.file.read()
    if (text === undefined) return []
    try {
      return parseIndex(text, 'index.json').manifests.map(entryOf)
    } catch (error) {
      throw new TareError(
        'STORE_INVALID',
        `the store's ${join(this.home, 'index.json')} is damaged: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }

  find(name: Reference): Descriptor | undefined {
    const full = formatReference(name)
    return this.entries().find((entry) => entry.name !== undefined && formatReference(entry.name) === full)?.manifest
  }

  /** Frees an inode on a full disk. Returns whether there was one to free. */
  makeRoom(): boolean {
    return this.file.makeRoom()
  }

  /** Replaces all entries. Must be called under the store's lock. */
  write(entries: readonly StoreEntry[]): void {
    const manifests = entries.map(({ manifest, name, refName, tagged, notes, ...facts }) => {
      const annotations = {
        ...notes,
        ...factsAsAnnotations(facts),
        ...(tagged === undefined ? {} : { [taggedKey]: tagged }),
        ...(name === undefined
          ? refName === undefined
            ? {}
            : { [nameKey]: refName }
          : { [nameKey]: formatReference(name) }),
      }
      return descriptorJson({ ...manifest, annotations })
    })
    const text = goJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests })
    this.file.write(text, (copy) => withoutTimes(copy) === withoutTimes(text))
  }
}

/** Returns what the index says besides when images were named, which is also their order. */
function withoutTimes(text: string): string {
  const { manifests, ...rest } = JSON.parse(text) as { manifests?: unknown }
  const all = (Array.isArray(manifests) ? manifests : []) as { annotations?: Record<string, unknown> }[]
  const entries = all.map((entry) => ({ ...entry, annotations: { ...entry?.annotations, [taggedKey]: undefined } }))
  return JSON.stringify([rest, entries.map((entry) => JSON.stringify(entry)).sort()])
}

function entryOf(descriptor: Descriptor): StoreEntry {
  const { annotations, ...manifest } = descriptor
  const tagged = annotations?.[taggedKey]
  const refName = annotations?.[nameKey]
  const notes = Object.entries(annotations ?? {}).filter(
    ([key]) => key !== taggedKey && key !== nameKey && !isFact(key),
  )
  return {
    manifest,
    ...nameOf(refName),
    ...(refName === undefined ? {} : { refName }),
    ...(tagged === undefined ? {} : { tagged }),
    ...(notes.length === 0 ? {} : { notes: Object.fromEntries(notes) }),
    ...readFacts(annotations),
  }
}

/** Another tool may have used any kind of name, often only a tag. */
function nameOf(text: string | undefined): { name?: Reference } {
  if (text?.includes('/') !== true) return {}
  try {
    return { name: parseReference(text) }
  } catch {
    return {}
  }
}

/** How an image is to be stored. */
export interface Naming {
  readonly manifest: Descriptor
  /** RFC 3339. */
  readonly tagged: string
  /** New facts; others are taken from entries of the same image. */
  readonly facts: Facts
  /** Whether another manifest belongs to the same image, with its layers elsewhere or in another form. */
  readonly isSameImage: (other: Descriptor) => boolean
}

/** Returns the entries with the image under `name`; another image that loses its last name stays, unnamed. */
export function named(
  entries: readonly StoreEntry[],
  name: Reference | undefined,
  { manifest, tagged, facts, isSameImage }: Naming,
): StoreEntry[] {
  const full = name === undefined ? undefined : formatReference(name)
  const others = entries.filter(
    (entry) => full === undefined || entry.name === undefined || formatReference(entry.name) !== full,
  )
  const loser = entries.find((entry) => entry.name !== undefined && formatReference(entry.name) === full)
  const kept = others.filter((entry) => entry.name !== undefined || entry.manifest.digest !== manifest.digest)
  const isOther = loser !== undefined && !isSameImage(loser.manifest)
  if (isOther && !holds(kept, loser.manifest.digest)) {
    const { name: _, refName: __, ...nameless } = loser
    kept.push(nameless)
  }
  if (name === undefined && holds(kept, manifest.digest)) return kept
  const known = isOther ? undefined : loser
  const same = entries.filter((entry) => entry.manifest.digest === manifest.digest)
  // Unverified claims made under another name are not taken over.
  const sure = same.find((entry) => entry.pulledAs !== undefined && (entry.pulledAs.claims ?? []).length === 0)
  const pulledAs = facts.pulledAs ?? known?.pulledAs ?? sure?.pulledAs
  const basedOn = facts.basedOn ?? known?.basedOn ?? same.find((entry) => entry.basedOn !== undefined)?.basedOn
  return [
    ...kept,
    {
      manifest,
      ...(name === undefined ? {} : { name }),
      tagged,
      ...(pulledAs === undefined ? {} : { pulledAs }),
      ...(basedOn === undefined ? {} : { basedOn }),
    },
  ]
}

function holds(entries: readonly StoreEntry[], digest: Digest): boolean {
  return entries.some((entry) => entry.manifest.digest === digest)
}
