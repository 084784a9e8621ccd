import type { Store } from '../content/store/index.ts'
import { type Descriptor, type Digest, hexOf, type Reference } from '../oci/index.ts'

/** A layer as it is in registries: compressed. Layers rest uncompressed here, and compressed bytes cannot be made again from those. */
export interface Origin {
  readonly blob: Descriptor
  /** Repositories that have it, with their registries: `docker.io/library/alpine`. The one seen last is first. */
  readonly places: readonly string[]
  /** We have compressed it, and would come to the same bytes again. */
  readonly ours?: boolean | undefined
}

/** The manifest that an image of the store was pulled as, or last pushed as. */
export interface Original {
  readonly manifest: Descriptor
  /** The index that it was chosen from, or the manifest itself. */
  readonly root: Descriptor
  /** The repository where it was seen, with its registry. */
  readonly place?: string | undefined
}

const mostPlaces = 8

export function placeOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`
}

/** What is known of a layer in registries, the latest first. */
export function originsOf(store: Store, diffId: Digest): readonly Origin[] {
  return read<Origin[]>(store.records.recall('origins', hexOf(diffId))) ?? []
}

export function rememberOrigin(
  store: Store,
  diffId: Digest,
  { mediaType, digest, size }: Descriptor,
  place: string,
  ours = false,
): void {
  const known = originsOf(store, diffId)
  const old = known.find(({ blob }) => blob.digest === digest)
  const places = [place, ...(old?.places ?? []).filter((other) => other !== place)].slice(0, mostPlaces)
  const origin: Origin = { blob: { mediaType, digest, size }, places, ...(ours || old?.ours ? { ours: true } : {}) }
  const origins = [origin, ...known.filter(({ blob }) => blob.digest !== digest)]
  store.records.remember('origins', hexOf(diffId), JSON.stringify(origins))
}

/** `resting` is the manifest in the store, of uncompressed layers. */
export function originalOf(store: Store, resting: Digest): Original | undefined {
  return read<Original>(store.records.recall('originals', hexOf(resting)))
}

export function rememberOriginal(store: Store, resting: Digest, original: Original): void {
  store.records.remember('originals', hexOf(resting), JSON.stringify(original))
}

/** The digest that others know an image by: its registry's, else the store's own. */
export function shownDigest(store: Store, resting: Descriptor): Digest {
  return originalOf(store, resting.digest)?.root.digest ?? resting.digest
}

function read<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T)
  } catch {
    return undefined
  }
}
