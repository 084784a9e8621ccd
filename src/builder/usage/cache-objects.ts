import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../../disk/index.ts'
import { blobsOfImages, type Host } from '../../images/index.ts'
import { type Digest, hexOf } from '../../oci/index.ts'
import { systemCode } from '../../support/index.ts'
import type { RunStorage, StoredCache } from '../sandbox/index.ts'
import { runStorage } from '../session/index.ts'
import { recallRecipe } from '../solve/index.ts'
import { type Sizes, sizesBelow } from './measure.ts'

/** Something in the store that takes up space, and may be removed by itself. */
export interface CacheObject {
  /** The digest of a layer or a document, the key of a cache mount, or a word. */
  readonly id: string
  readonly type: 'regular' | 'exec.cachemount' | 'internal'
  /** `RUN make`, or the id of a mount. */
  readonly description: string
  /** Bytes on disk. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly lastUsed: number
  /** Whether an image needs it, or a running step has it. */
  readonly inUse: boolean
  readonly isImages: boolean
}

/** What the store takes up, in parts that add up to what `du` says of its folder. */
export interface StoreUsage {
  readonly objects: readonly CacheObject[]
  /** What images need. */
  readonly images: number
  /** Everything else. */
  readonly cache: number
}

/** Measures the store; `quick` limits the time. */
export async function readUsage(host: Host, { signal, quick, described = false }: UsageCall = {}): Promise<StoreUsage> {
  const { store } = host
  const storage = runStorage(host, signal)
  const sizes = sizesBelow(store.home, new Set(storage.kinds.map((kind) => join(store.own, kind))))
  const layers = blobObjects(host, sizes, described)
  const { mounts, ofRun } = await measureRun(host, storage, quick)
  const mountObjects = mounts.map(({ id, key, size, used }): CacheObject => {
    const held = { inUse: storage.isHeld(key), isImages: false }
    return { id: key, type: 'exec.cachemount', description: `mount ${id}`, size, lastUsed: used, ...held }
  })
  const kept = mounts.reduce((sum, { size }) => sum + size, 0)
  const unpacked = Math.max(0, ofRun - kept)
  const inObjects = layers.reduce((sum, { size }) => sum + size, 0)
  const records = Math.max(0, sizes.sum - inObjects)
  const word = (id: string, description: string, size: number): CacheObject => {
    return {
      id,
      type: 'internal',
      description,
      size,
      lastUsed: host.now().getTime(),
      inUse: id === 'records',
      isImages: false,
    }
  }
  const objects = [
    ...layers,
    ...mountObjects,
    word('unpacked', 'unpacked layers of RUN', unpacked),
    word('records', 'names, records and logs', records),
  ].filter(({ size }) => size > 0)
  const images = layers.filter(({ isImages }) => isImages).reduce((sum, { size }) => sum + size, 0)
  return { objects, images, cache: objects.reduce((sum, { size }) => sum + size, 0) - images }
}

export interface UsageCall {
  readonly signal?: AbortSignal | undefined
  readonly quick?: Quickly | undefined
  /** Whether each layer gets a description, for which all records of steps are read. */
  readonly described?: boolean
}

/** How much time there is to measure what RUN keeps. */
export interface Quickly {
  /** False: what was measured last counts. */
  readonly measures: boolean
}

interface RunUsage {
  readonly mounts: readonly StoredCache[]
  readonly ofRun: number
}

/** Measures what RUN keeps, which may be hundreds of thousands of files, or returns what was measured last. */
async function measureRun({ store }: Host, storage: RunStorage, quick: Quickly | undefined): Promise<RunUsage> {
  const place = join(store.own, 'run-usage.json')
  if (quick?.measures !== false)
    try {
      const usage = { mounts: await storage.caches(), ofRun: await storage.size() }
      if (usage.ofRun > 0) keep(place, usage)
      return usage
    } catch (error) {
      if (quick === undefined) throw error
    }
  try {
    return JSON.parse(readFileSync(place, 'utf8')) as RunUsage
  } catch {
    return { mounts: [], ofRun: 0 }
  }
}

/** On a read-only disk it is measured again next time. */
function keep(place: string, usage: RunUsage): void {
  try {
    replaceFile(place, JSON.stringify(usage))
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}

function blobObjects({ store }: Host, sizes: Sizes, described: boolean): readonly CacheObject[] {
  const ofImages = blobsOfImages(store)
  const told = described ? descriptions(store.records) : new Map<Digest, string>()
  return store.blobs.all().map(({ digest, since }): CacheObject => {
    const beside = ['verified', 'layers', 'origins'].map((kind) => join(store.own, kind, hexOf(digest)))
    const size = [store.blobs.path(digest), ...beside].reduce((sum, path) => sum + sizes.at(path), 0)
    const isImages = ofImages.has(digest)
    const description = told.get(digest) ?? (isImages ? 'of an image' : 'of a base')
    return { id: digest, type: 'regular', description, size, lastUsed: since, inUse: isImages, isImages }
  })
}

/** Returns which step made which layer. */
function descriptions(records: Host['store']['records']): ReadonlyMap<Digest, string> {
  return new Map(
    records.all('recipes').flatMap(({ key }): [Digest, string][] => {
      const recipe = recallRecipe(records, key)
      return recipe?.diffId === undefined ? [] : [[recipe.diffId, recipe.what]]
    }),
  )
}
