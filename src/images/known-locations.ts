import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { PulledAs, Store } from '../content/store/index.ts'
import { type Descriptor, type Digest, hexOf, parseDescriptor, type Reference } from '../oci/index.ts'
import { imagesBelow } from './image-documents.ts'

/** A layer as registries have it: compressed. Layers rest uncompressed here, and compressed bytes cannot be made again from those. */
export interface KnownLocation {
  readonly blob: Descriptor
  /** Repositories that have it, with their registries: `docker.io/library/alpine`. The one seen last is first. */
  readonly repositories: readonly string[]
  /** Somebody has unpacked it and come to the layer. Else a manifest and a config only claim so, and only for that very manifest it may count. */
  readonly checked: boolean
  /** We have compressed it, and would come to the same bytes again. */
  readonly ours: boolean
}

const mostRepositories = 8

export function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`
}

/** What is known of a layer in registries, the latest first. */
export function locationsOf(store: Store, diffId: Digest): readonly KnownLocation[] {
  return read(store, diffId) ?? locationsOfEntries(store).get(diffId) ?? []
}

/**
 * Those that hold for a layer that a manifest names as `blob`, whoever asks: the checked ones, and what that very manifest
 * claims.
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

/** Repositories that were seen to have the compressed blob. */
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

/** The blob has been unpacked, and it is the layer. */
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

/** Those of its claims that are still nothing more. */
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
      // Earlier versions did not say what they had checked: only what proves itself counts.
      const checked = raw['checked'] === true || ours || blob.digest === diffId
      return { blob, repositories: places.filter((place) => typeof place === 'string'), checked, ours }
    })
  } catch {
    return undefined
  }
}

type Locations = ReadonlyMap<Digest, readonly KnownLocation[]>

const ofEntries = new WeakMap<Store, { readonly stamp: string; readonly locations: Locations }>()

/** What the entries of the images say, for when the records were lost. Read once for each state of index.json. */
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
