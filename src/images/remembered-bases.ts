import type { Store } from '../content/store/index.ts'
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type ImageConfig,
  type Platform,
  parseDescriptor,
  parseReference,
  plainDescriptor,
  type Reference,
} from '../oci/index.ts'
import { sha256 } from '../support/index.ts'
import type { CompressedImage } from './compressed-image.ts'
import { imagesBelow } from './image-documents.ts'
import { rememberLocation, repositoryOf } from './known-locations.ts'

/** A base image read from its registry by an earlier build. It has no name in the store and belongs to the build cache. */
export interface RememberedBase {
  readonly base: {
    readonly reference: Reference
    readonly manifest: Descriptor
    readonly config: ImageConfig
    readonly layers: readonly { readonly blob: Descriptor; readonly diffId: Digest }[]
    /** Its layers can be fetched. */
    readonly fetchable: true
  }
  /** What its name pointed to. */
  readonly root: Descriptor
  readonly repository: string
  /** When the registry was last asked. */
  readonly asked: Date
}

interface Remembered {
  readonly name: Reference
  readonly platform: string
  readonly root: Descriptor
  readonly manifest: Descriptor
  readonly asked: Date
}

/** Returns what a name meant for a platform when last resolved; undefined if it never was, or if part of it is gone. */
export function recallBase(store: Store, name: Reference, platform: Platform): RememberedBase | undefined {
  const text = formatPlatform(platform)
  const exact = open(store, keyOf(name, text))
  if (exact !== undefined || name.digest === undefined) return exact
  // With a digest, the image is the same whatever tag it was read under.
  for (const { key } of store.records.all('bases')) {
    const other = read(store, key)
    const isMeant =
      other?.platform === text &&
      repositoryOf(other.name) === repositoryOf(name) &&
      [other.root.digest, other.manifest.digest].includes(name.digest)
    const found = isMeant ? open(store, key) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Stores what was read of a base. Its layers may be in the store, or are fetched when a build needs them. */
export function rememberBase(
  store: Store,
  name: Reference,
  platform: Platform,
  image: CompressedImage,
  asked: Date,
): void {
  const { root, blob, documents, configBytes, manifest, config } = image
  for (const bytes of [...documents, configBytes]) store.blobs.write(bytes)
  for (const [i, layer] of manifest.layers.entries())
    rememberLocation(store, config.diffIds[i]!, layer, repositoryOf(name))
  write(store, { name, platform: formatPlatform(platform), root, manifest: blob, asked })
}

/** Marks a cached base as used now, so that only older ones are pruned. */
export function renewBase(store: Store, name: Reference, platform: Platform, remembered: RememberedBase): void {
  const { base, root, asked } = remembered
  write(store, { name, platform: formatPlatform(platform), root, manifest: base.manifest, asked })
}

/** Returns the blobs of cached bases. */
export function blobsOfBases(store: Store): Set<Digest> {
  return new Set(store.records.all('bases').flatMap(({ key }) => blobsOf(store, key)))
}

/**
 * Removes bases not used since `before`, or those that need one of the blobs; returns their blobs. Must be called while no other
 * process changes the store.
 */
export function forgetBases(store: Store, before: number | ReadonlySet<Digest>): readonly Digest[] {
  return store.records.all('bases').flatMap(({ key, since }) => {
    const blobs = blobsOf(store, key)
    if (typeof before === 'number' ? since >= before : !blobs.some((digest) => before.has(digest))) return []
    store.records.forget('bases', key)
    return blobs
  })
}

function blobsOf(store: Store, key: string): readonly Digest[] {
  const remembered = read(store, key)
  if (remembered === undefined) return []
  const { root, manifest } = remembered
  const documents = imagesBelow(store, manifest).flatMap((image) => [
    image.manifest.config.digest,
    ...image.manifest.layers.map(({ digest }) => digest),
    ...image.config.diffIds,
  ])
  return [root.digest, manifest.digest, ...documents]
}

function open(store: Store, key: string): RememberedBase | undefined {
  const remembered = read(store, key)
  if (remembered === undefined) return undefined
  const { name, root, manifest, asked } = remembered
  const [image] = imagesBelow(store, manifest)
  if (image === undefined) return undefined
  for (const { digest } of [root, manifest, image.manifest.config]) store.blobs.touch(digest)
  const layers = image.manifest.layers.map((blob, i) => ({ blob, diffId: image.config.diffIds[i]! }))
  const base = { reference: name, manifest, config: image.config, layers, fetchable: true as const }
  return { base, root, repository: repositoryOf(name), asked }
}

function keyOf(name: Reference, platform: string): string {
  return sha256(`${formatReference(name)} ${platform}`).slice('sha256:'.length)
}

function write(store: Store, { name, platform, root, manifest, asked }: Remembered): void {
  const raw = {
    name: formatReference(name),
    platform,
    root: plainDescriptor(root),
    manifest: plainDescriptor(manifest),
    asked: asked.toISOString(),
  }
  store.records.remember('bases', keyOf(name, platform), JSON.stringify(raw))
}

function read(store: Store, key: string): Remembered | undefined {
  try {
    const raw = JSON.parse(store.records.recall('bases', key) ?? '') as Record<string, unknown>
    const descriptor = (member: string) => plainDescriptor(parseDescriptor(raw[member], member))
    const name = parseReference(String(raw['name']))
    const asked = new Date(String(raw['asked']))
    if (Number.isNaN(asked.getTime())) return undefined
    return {
      name,
      platform: String(raw['platform']),
      root: descriptor('root'),
      manifest: descriptor('manifest'),
      asked,
    }
  } catch {
    return undefined
  }
}
