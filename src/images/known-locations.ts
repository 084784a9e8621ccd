import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { PulledAs, Store } from '../content/store/index.ts'
import { type Descriptor, type Digest, hexOf, parseDescriptor, type Reference } from '../oci/index.ts'
import { imagesBelow } from './image-documents.ts'

/**
 * A layer in registries, compressed. The store has layers uncompressed, and recompressing does not reproduce the original bytes.
 */
export interface KnownLocation {
  readonly blob: Descriptor
  /** Repositories that have it, with their registries: `docker.io/library/alpine`. The most recent one is first. */
  readonly repositories: readonly string[]
  /**
   * Whether someone decompressed it and got the layer. Otherwise it is only claimed by a manifest and a config, and may be used
   * for that manifest alone.
   */
  readonly checked: boolean
  /** Whether tare compressed it and can reproduce the same bytes. */
  readonly ours: boolean
}

const mostRepositories = 8

export function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`
}

/** Returns the repositories of this registry, without its name. */
export function withinRegistry(repositories: readonly string[], registry: string): string[] {
  return repositories.flatMap((repository) =>
    repository.startsWith(`${registry}/`) ? [repository.slice(registry.length + 1)] : [],
  )
}

/** Returns what is known about a layer in registries, most recent first. */
export function locationsOf(store: Store, diffId: Digest): readonly KnownLocation[] {
  return read(store, diffId) ?? locationsOfEntries(store).get(diffId) ?? []
}

/**
 * Returns the locations that are safe to use for a layer that a manifest refers to as `blob`: the verified ones, and that
 * manifest's own claim.
 */
export function trustedLocations(
  store: Store,
  { diffId, blob }: { readonly diffId: Digest; readonly blob: Descriptor },
): readonly KnownLocation[] {
  const all = locationsOf(store, diffId)
  return [
    ...all.filter(({ checked }) => checked),
    ...all.filter((location) => !location.checked && location.blob.digest === blob.digest),
  ]
}

/** Returns repositories known to have the compressed blob. */
export function repositoriesWith(store: Store, diffId: Digest, blob: Digest): readonly string[] {
  const of = (all: readonly KnownLocation[]) =>
    all.flatMap((location) => (location.blob.digest === blob ? location.repositories : []))
  const recorded = of(read(store, diffId) ?? [])
  return recorded.length > 0 ? recorded : of(locationsOfEntries(store).get(diffId) ?? [])
}

export function rememberLocation(
  store: Store,
  diffId: Digest,
  { mediaType, digest, size }: Descriptor,
  repository: string,
  { ours = false, checked = ours }: { readonly ours?: boolean; readonly checked?: boolean } = {},
): void {
  const known = locationsOf(store, diffId)
  const old = known.find(({ blob }) => blob.digest === digest)
  const places = [repository, ...(old?.repositories ?? []).filter((other) => other !== repository)]
  const location: KnownLocation = {
    blob: { mediaType, digest, size },
    repositories: places.slice(0, mostRepositories),
    checked: checked || old?.checked === true,
    ours: ours || old?.ours === true,
  }
  write(store, diffId, [location, ...known.filter(({ blob }) => blob.digest !== digest)])
}

/** Records that the blob was decompressed and is the layer. */
export function confirmLocation(store: Store, diffId: Digest, blob: Digest): void {
  const known = locationsOf(store, diffId)
  if (known.some((location) => location.blob.digest === blob && !location.checked))
    write(
      store,
      diffId,
      known.map((location) => (location.blob.digest === blob ? { ...location, checked: true } : location)),
    )
}

export function isChecked(store: Store, diffId: Digest, blob: Digest): boolean {
  return diffId === blob || locationsOf(store, diffId).some((one) => one.blob.digest === blob && one.checked)
}

/** Returns the manifest's claims that have not been verified yet. */
export function claimsOf(store: Store, { manifest, claims = [] }: PulledAs): readonly Digest[] {
  const checked = new Set(
    imagesBelow(store, manifest).flatMap(({ manifest: { layers }, config }) =>
      layers.flatMap(({ digest }, i) => (isChecked(store, config.diffIds[i]!, digest) ? [digest] : [])),
    ),
  )
  return claims.filter((digest) => !checked.has(digest))
}

function write(store: Store, diffId: Digest, locations: readonly KnownLocation[]): void {
  const raw = locations.map(({ blob, repositories, checked, ours }) => ({
    ...{ blob, places: repositories },
    ...(checked ? { checked } : {}),
    ...(ours ? { ours } : {}),
  }))
  store.records.remember('origins', hexOf(diffId), JSON.stringify(raw))
}

function read(store: Store, diffId: Digest): readonly KnownLocation[] | undefined {
  const text = store.records.recall('origins', hexOf(diffId))
  if (text === undefined) return undefined
  try {
    return (JSON.parse(text) as Record<string, unknown>[]).map((raw): KnownLocation => {
      const blob = parseDescriptor(raw['blob'], 'the layer')
      const ours = raw['ours'] === true
      const places = raw['places'] as string[]
      // Earlier versions did not record what they had verified: only what is self-evident counts.
      const checked = raw['checked'] === true || ours || blob.digest === diffId
      return { blob, repositories: places.filter((repository) => typeof repository === 'string'), checked, ours }
    })
  } catch {
    return undefined
  }
}

type Locations = ReadonlyMap<Digest, readonly KnownLocation[]>

const ofEntries = new WeakMap<Store, { readonly stamp: string; readonly locations: Locations }>()

/** Collects locations from the images' entries, in case the records were lost. Cached per state of index.json. */
function locationsOfEntries(store: Store): Locations {
  const stat = statSync(join(store.home, 'index.json'), { throwIfNoEntry: false })
  const stamp = stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`
  const before = ofEntries.get(store)
  if (before?.stamp === stamp) return before.locations
  const locations = new Map<Digest, KnownLocation[]>()
  const add = (diffId: Digest, location: KnownLocation) => {
    const known = locations.get(diffId) ?? []
    const same = known.find(({ blob }) => blob.digest === location.blob.digest)
    const others = known.filter((one) => one !== same)
    locations.set(diffId, [...others, same === undefined ? location : merged(same, location)])
  }
  for (const { pulledAs, basedOn = [] } of store.entries())
    for (const { repository, manifest, claims = [], ours = [] } of [
      ...(pulledAs === undefined ? [] : [pulledAs]),
      ...basedOn,
    ])
      for (const image of repository === undefined ? [] : imagesBelow(store, manifest))
        for (const [i, blob] of image.manifest.layers.entries())
          add(image.config.diffIds[i]!, {
            ...{ blob, repositories: [repository!] },
            checked: !claims.includes(blob.digest) || blob.digest === image.config.diffIds[i],
            ours: ours.includes(blob.digest),
          })
  ofEntries.set(store, { stamp, locations })
  return locations
}

function merged(one: KnownLocation, other: KnownLocation): KnownLocation {
  return {
    blob: one.blob,
    repositories: [...new Set([...one.repositories, ...other.repositories])].slice(0, mostRepositories),
    checked: one.checked || other.checked,
    ours: one.ours || other.ours,
  }
}
