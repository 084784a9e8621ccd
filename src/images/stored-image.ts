import type { Store, StoreEntry } from '../content/store/index.ts'
import {
  choosePlatform,
  type Descriptor,
  type Digest,
  documentLimit,
  familiarName,
  formatReference,
  type ImageConfig,
  isIndexType,
  type Manifest,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  type Reference,
} from '../oci/index.ts'
import { closest, TareError } from '../support/index.ts'
import { pulledAsOfEntry } from './pulled-as.ts'

/** A parsed image of the store. */
export interface StoredImage {
  /** What its names point to: a manifest, or an index. */
  readonly root: Descriptor
  /** The manifest of one platform. */
  readonly blob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  /** The image ID: the config's digest. */
  readonly id: Digest
}

/** An image with all its names. */
export interface NamedImage extends StoredImage {
  readonly names: readonly Reference[]
  /** The entries of its names, or the one without a name. */
  readonly entries: readonly StoreEntry[]
  /** When it was last named or stored (RFC 3339). */
  readonly tagged: string
}

/** Reads the image a descriptor of the store points to; of an index, the one for the platform, or the first that exists. */
export function readImage(store: Store, root: Descriptor, platform?: Platform): StoredImage {
  const blob = isIndexType(root.mediaType) ? chooseManifest(store, root, platform) : root
  const manifest = parseManifest(store.blobs.read(blob.digest), `manifest ${blob.digest}`)
  if (manifest.config.size > documentLimit)
    throw new TareError('CONFIG_INVALID', `the config of ${blob.digest} is too large`)
  const config = parseImageConfig(store.blobs.read(manifest.config.digest), `config ${manifest.config.digest}`)
  return { root, blob, manifest, config, id: manifest.config.digest }
}

function chooseManifest(store: Store, root: Descriptor, platform: Platform | undefined): Descriptor {
  const { manifests } = parseIndex(store.blobs.read(root.digest), `index ${root.digest}`)
  const there = manifests.filter((manifest) => store.blobs.has(manifest.digest) && manifest.platform?.os !== 'unknown')
  const said = platform && choosePlatform(platform, there, (manifest) => manifest.platform)?.offer
  const best = said ?? there[0]
  if (best === undefined) throw new TareError('BLOB_MISSING', `no image of the index ${root.digest} is in the store`)
  return best
}

/** Returns every image of the store once, with its names, oldest first. Incomplete images are skipped. */
export function readImages(store: Store, platform?: Platform): NamedImage[] {
  const groups = new Map<Digest, StoreEntry[]>()
  for (const entry of store.entries())
    groups.set(entry.manifest.digest, [...(groups.get(entry.manifest.digest) ?? []), entry])
  return [...groups.values()].flatMap((entries) => {
    const image = tryRead(store, entries[0]!.manifest, platform)
    if (image === undefined) return []
    return [{ ...image, ...namesOf(entries) }]
  })
}

function namesOf(entries: readonly StoreEntry[]): Pick<NamedImage, 'names' | 'entries' | 'tagged'> {
  const times = entries.map(({ tagged }) => tagged ?? '').sort()
  return { names: entries.flatMap(({ name }) => name ?? []), entries, tagged: times.at(-1) ?? '' }
}

function tryRead(store: Store, root: Descriptor, platform: Platform | undefined): StoredImage | undefined {
  try {
    return readImage(store, root, platform)
  } catch (error) {
    if (error instanceof TareError) return undefined
    throw error
  }
}

/** Finds an image by name, ID, unique prefix of an ID, or digest. Throws `IMAGE_UNKNOWN` and `IMAGE_AMBIGUOUS`. */
export function findImage(store: Store, text: string, platform?: Platform): NamedImage {
  const entries = store.entries()
  const byName = isName(text) ? entryNamed(store, parseReference(text), entries) : undefined
  if (byName !== undefined)
    return {
      ...readImage(store, byName.manifest, platform),
      ...namesOf(entries.filter(({ manifest }) => manifest.digest === byName.manifest.digest)),
    }
  return findById(readImages(store, platform), text)
}

function findById(images: readonly NamedImage[], text: string): NamedImage {
  const found = images.filter(({ id, blob, root }) =>
    [id, blob.digest, root.digest].some((digest) => beginsWith(digest, text)),
  )
  const ids = new Set(found.map(({ id }) => id))
  if (ids.size > 1) {
    throw new TareError('IMAGE_AMBIGUOUS', `several image IDs start with ${text}`, {
      remedy: 'Use a longer prefix; `tare image ls --no-trunc` shows full IDs.',
    })
  }
  if (found[0] !== undefined) return found[0]
  const known = images
    .flatMap(({ names }) => names.map(familiarName))
    .flatMap((name) => [name, name.replace(/:latest$/, '')])
  const meant = closest(text, known)
  throw new TareError(
    'IMAGE_UNKNOWN',
    `No such image: ${text.includes(':') || !isName(text) ? text : `${text}:latest`}`,
    {
      remedy: meant === undefined ? '`tare image ls` lists the images.' : `Did you mean "${meant}"?`,
    },
  )
}

/**
 * Returns the entry with that name; for a name with a digest, one of that repository with that manifest, in the store or where it
 * was pulled from.
 */
export function entryNamed(store: Store, wanted: Reference, entries = store.entries()): StoreEntry | undefined {
  if (wanted.digest === undefined)
    return entries.find(({ name }) => name !== undefined && formatReference(name) === formatReference(wanted))
  const isMeant = (entry: StoreEntry) => {
    const known = pulledAsOfEntry(store, entry)
    return [entry.manifest.digest, known?.manifest.digest, known?.root.digest].includes(wanted.digest)
  }
  return entries.find(
    (entry) =>
      entry.name?.repository === wanted.repository && entry.name.registry === wanted.registry && isMeant(entry),
  )
}

/** Returns the entry meant by a text among an image's entries; for an ID, the one with the fewest unverified claims. */
export function entryMeant(entries: readonly StoreEntry[], text: string): StoreEntry {
  const full = isName(text) ? formatReference(parseReference(text)) : undefined
  const named = entries.find(({ name }) => name !== undefined && formatReference(name) === full)
  return named ?? entries.find(({ pulledAs }) => (pulledAs?.claims ?? []).length === 0) ?? entries[0]!
}

function isName(text: string): boolean {
  try {
    parseReference(text)
    return true
  } catch {
    return false
  }
}

function beginsWith(digest: Digest, text: string): boolean {
  const hex = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text
  return /^[0-9a-f]+$/.test(hex) && digest.startsWith(`sha256:${hex}`)
}
