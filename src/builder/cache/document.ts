import type { MadeLayer } from '../../content/layers/index.ts'
import {
  type Descriptor,
  type Digest,
  descriptorJson,
  goJson,
  isDigest,
  isLayerType,
  parseDescriptor,
  plainDescriptor,
} from '../../oci/index.ts'
import { type Recipe, readRecipe } from '../solve/index.ts'

/** The config of a cache's manifest, whose layers are those of the steps. */
export const cacheConfigType = 'application/vnd.tare.cache.config.v1+json'

/** What a cache knows: results of steps, and their layers. */
export interface CacheDocument {
  readonly steps: readonly CachedStep[]
  /** Cache mounts of RUN. */
  readonly mounts: readonly CachedMount[]
  /** Manifests that this one has replaced, latest first: nobody else knows of them. */
  readonly replaced: readonly Digest[]
}

/** A cache mount, as a tar of its own. */
export interface CachedMount {
  /** What RUN calls it, with its namespace. */
  readonly id: string
  /** Its name in the store: a digest of all that makes it this mount. */
  readonly key: string
  readonly blob: Descriptor
  /** The day of the last export that had it. */
  readonly named: string
}

/** The result of a step, as a cache knows it. */
export interface CachedStep {
  readonly keys: readonly string[]
  readonly form: string
  readonly layer: MadeLayer
  /** The layer as it is stored, usually compressed. */
  readonly blob: Descriptor
  /** The day of the last export that named it: `2026-11-26`. */
  readonly named: string
  /** What the step was made of, to explain to others why theirs is another. Not signed. */
  readonly recipe?: Recipe | undefined
  /** Of everything but `named` and `recipe`, with the key of whoever made it. */
  readonly signature?: string
}

/** More than any real cache; keeps the manifest below what registries accept. */
export const mostSteps = 4000
const mostKeys = 16
const mostMounts = 1000
const mostReplaced = 200
const hex = /^[0-9a-f]{64}$/
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/
const day = /^\d{4}-\d{2}-\d{2}$/

/** Writes the document. Equal caches give equal bytes. */
export function writeDocument({ steps, mounts, replaced }: CacheDocument): Buffer {
  const json = {
    version: 1,
    steps: steps.map((step) => ({
      ...statement(step),
      named: step.named,
      ...(step.recipe === undefined ? {} : { recipe: step.recipe }),
      ...(step.signature === undefined ? {} : { signature: step.signature }),
    })),
    ...(mounts.length === 0 ? {} : { mounts: mounts.map((mount) => ({ ...mount, blob: descriptorJson(mount.blob) })) }),
    ...(replaced.length === 0 ? {} : { replaced }),
  }
  return Buffer.from(goJson(json))
}

/** Returns what is signed of a step: all that a later build relies on. */
export function statement({ keys, form, layer, blob }: CachedStep): Record<string, unknown> {
  const { diffId, size, created, rootTime } = layer
  const { mediaType, digest, size: stored } = blob
  return {
    keys,
    form,
    layer: { diffId, size, created, ...(rootTime === undefined ? {} : { rootTime }) },
    blob: descriptorJson({ mediaType, digest, size: stored }),
  }
}

/** Parses a document. Throws an Error that says what is wrong with it. */
export function readDocument(bytes: Uint8Array): CacheDocument {
  const raw = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown> | null
  if (raw?.['version'] !== 1) throw new Error(`its version is ${JSON.stringify(raw?.['version'])}, and not 1`)
  const { steps, mounts = [], replaced } = raw
  if (!Array.isArray(mounts) || mounts.length > mostMounts) throw new Error('its list of mounts is invalid')
  if (!Array.isArray(steps) || steps.length > mostSteps) throw new Error('it has no list of steps')
  return {
    steps: steps.map(readStep),
    mounts: mounts.map(readMount),
    replaced: Array.isArray(replaced) ? replaced.filter(isDigest).slice(0, mostReplaced) : [],
  }
}

function readMount(value: unknown): CachedMount {
  const { id, key, blob, named } = (value ?? {}) as Record<string, unknown>
  if (typeof id !== 'string' || typeof key !== 'string' || !hex.test(key)) throw new Error('a mount has no id')
  const since = typeof named === 'string' && day.test(named) ? named : '1970-01-01'
  return { id, key, blob: parseDescriptor(blob, 'a mount of the cache'), named: since }
}

function readStep(value: unknown): CachedStep {
  const raw = (value ?? {}) as Record<string, unknown>
  const { keys, form, named, signature } = raw
  const recipe = readRecipe(raw['recipe'])
  const isKey = (key: unknown) => typeof key === 'string' && hex.test(key)
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > mostKeys || !keys.every(isKey) || !isKey(form))
    throw new Error('a step has no keys')
  return {
    keys: keys as string[],
    form: form as string,
    layer: readLayer(raw['layer']),
    blob: readBlob(raw['blob']),
    named: typeof named === 'string' && day.test(named) ? named : '1970-01-01',
    ...(recipe === undefined ? {} : { recipe }),
    ...(typeof signature === 'string' ? { signature } : {}),
  }
}

/** Parses where a layer is: it may become part of an image's manifest. */
export function readBlob(value: unknown): Descriptor {
  const blob = parseDescriptor(value, 'a layer of the cache')
  if (!isLayerType(blob.mediaType)) throw new Error(`a layer has the type ${JSON.stringify(blob.mediaType)}`)
  return plainDescriptor(blob)
}

/** Parses what a cache says of a layer. */
export function readLayer(value: unknown): MadeLayer {
  const { diffId, size, created, rootTime } = (value ?? {}) as Record<string, unknown>
  const time = (rootTime ?? undefined) as MadeLayer['rootTime']
  const isTime =
    time === undefined ||
    (Number.isSafeInteger(time.mtime) && Number.isInteger(time.mtimeNs) && time.mtimeNs >= 0 && time.mtimeNs < 1e9)
  if (!isDigest(diffId) || !Number.isSafeInteger(size) || (size as number) < 0 || !isTime)
    throw new Error('a step has no layer')
  // It becomes part of an image's config.
  if (typeof created !== 'string' || !rfc3339.test(created) || Number.isNaN(Date.parse(created)))
    throw new Error('a layer has no time')
  return {
    diffId,
    size: size as number,
    created,
    ...(time === undefined ? {} : { rootTime: { mtime: time.mtime, mtimeNs: time.mtimeNs } }),
  }
}

/** How a build adds its results to a cache. */
export interface Merge {
  /** `2026-11-26`. */
  readonly today: string
  /** Returns the signature of a step. */
  readonly sign?: ((step: CachedStep) => string) | undefined
  /** Whether a step has a signature of the same owner. */
  readonly isOwn?: ((step: CachedStep) => boolean) | undefined
}

/** Joins what a cache knows with what a build has to add. Of two results with one key, the build's own is kept. */
export function merge(old: CacheDocument, added: readonly CachedStep[], options: Merge): CacheDocument {
  const byKey = new Map<string, CachedStep>()
  const put = (step: CachedStep) => {
    for (const key of step.keys) byKey.set(key, step)
  }
  for (const step of old.steps) put(step)
  for (const step of added) {
    const known = step.keys.flatMap((key) => byKey.get(key) ?? [])
    put(joined(step, known, options))
  }
  const steps = [...new Set(byKey.values())]
  steps.sort((a, b) => compare(b.named, a.named) || compare(a.keys[0]!, b.keys[0]!))
  const kept = steps.slice(0, mostSteps)
  kept.sort((a, b) => compare(a.keys[0]!, b.keys[0]!))
  return { ...old, steps: kept }
}

/** Joins the keys of one result. What another has signed stays as it is, and is not signed again. */
function joined(step: CachedStep, known: readonly CachedStep[], { today, sign, isOwn }: Merge): CachedStep {
  const alike = known.filter(({ layer, form }) => layer.diffId === step.layer.diffId && form === step.form)
  const same = sign === undefined ? alike[0] : alike.find((one) => isOwn?.(one))
  if (sign === undefined && same?.signature !== undefined) return { ...same, named: today }
  const keys = [...new Set([...(same?.keys ?? []), ...step.keys])].sort().slice(0, mostKeys)
  const { signature: _, ...bare } = step
  const whole: CachedStep = {
    ...{ ...bare, blob: same?.blob ?? step.blob, keys, named: today },
    recipe: step.recipe ?? same?.recipe,
  }
  return sign === undefined ? whole : { ...whole, signature: sign(whole) }
}

/** Replaces the history: the manifest that is there becomes one of the replaced. */
export function replacing(document: CacheDocument, digest: Digest | undefined): CacheDocument {
  if (digest === undefined) return document
  const replaced = [digest, ...document.replaced.filter((one) => one !== digest)].slice(0, mostReplaced)
  return { ...document, replaced }
}

/** Whether two documents know the same. */
export function isSameKnowledge(one: CacheDocument, other: CacheDocument): boolean {
  return Buffer.compare(writeDocument({ ...one, replaced: [] }), writeDocument({ ...other, replaced: [] })) === 0
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
