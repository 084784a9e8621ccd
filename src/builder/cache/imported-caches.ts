import type { CacheSource } from '../../api/index.ts'
import { decompress } from '../../files/compression/index.ts'
import { type Host, rememberLocation, unpackLimit } from '../../images/index.ts'
import { ingestLayer } from '../../images/ingest/index.ts'
import type { Descriptor, Digest } from '../../oci/index.ts'
import { type Bytes, inParallel, type Reporter, type Step, type Steps, TareError, Turns } from '../../support/index.ts'
import { RunStorage } from '../sandbox/index.ts'
import { type Recipe, type SharedStep, type SharedSteps, UnusableResult } from '../solve/index.ts'
import { whyUnusable } from './cache-manifest.ts'
import type { CacheDocument, CachedMount, CachedStep } from './document.ts'
import { openCacheReader } from './open-cache.ts'
import { readVerifier } from './signing.ts'
import type { CacheReader } from './storage.ts'

export interface ImportCall {
  readonly steps: Steps
  readonly signal: AbortSignal
  readonly report: Reporter
}

/** A step as one of the caches knows it. */
interface Known {
  readonly step: CachedStep
  readonly cache: CacheReader
}

// The same as for a pull.
const atOnce = 6

/** The caches that a build takes results from. What cannot be used of one is reported once, and never an error. */
export class ImportedCaches implements SharedSteps {
  private readonly host: Host
  private readonly call: ImportCall
  private readonly readers: CacheReader[] = []
  private readonly byKey = new Map<string, Known>()
  private readonly forms = new Set<string>()
  private readonly mounts: { readonly mount: CachedMount; readonly cache: CacheReader }[] = []
  private readonly refused = new Map<Digest, string>()
  private readonly told = new Set<CacheReader>()
  private readonly fetched = new Map<Digest, Promise<void>>()
  private readonly turns = new Turns(atOnce)
  private step: Step | undefined

  private constructor(host: Host, call: ImportCall) {
    this.host = host
    this.call = call
  }

  /** Reads what the caches know. Throws `KEY_INVALID` and `REFERENCE_INVALID`. */
  static async read(host: Host, sources: readonly CacheSource[], call: ImportCall): Promise<ImportedCaches> {
    const caches = new ImportedCaches(host, call)
    const opened = sources.map((source) => ({
      open: () => openCacheReader(host, source, call),
      takesMounts: source.mounts === true && source.verify === undefined,
      mayUse: source.verify === undefined ? undefined : readVerifier(source.verify),
    }))
    const found = await inParallel(opened, atOnce, async ({ open, mayUse, takesMounts }) => {
      const cache = await open().catch((error: unknown) => caches.notOpened(error))
      if (cache === undefined) return undefined
      caches.readers.push(cache)
      return { cache, ...(await caches.knowledgeOf(cache, mayUse)), takesMounts }
    })
    // The first cache that knows a step is asked for it.
    for (const { cache, steps, mounts, takesMounts } of found.filter((one) => one !== undefined)) {
      if (takesMounts) for (const mount of mounts) caches.mounts.push({ mount, cache })
      for (const step of steps) {
        caches.forms.add(step.form)
        for (const key of step.keys) if (!caches.byKey.has(key)) caches.byKey.set(key, { step, cache })
      }
    }
    return caches
  }

  /** A registry that is blocked, or whose configuration cannot be read. */
  private notOpened(error: unknown): undefined {
    if (!(error instanceof TareError) || !error.code.startsWith('REGISTR')) throw error
    this.call.report({ type: 'warning', rule: 'CacheNotUsed', message: `a cache is not used: ${error.message}` })
  }

  private async knowledgeOf(
    cache: CacheReader,
    mayUse: ((step: CachedStep) => boolean) | undefined,
  ): Promise<Pick<CacheDocument, 'steps' | 'mounts'>> {
    const step = this.call.steps.start(`importing cache manifest from ${cache.label}`)
    try {
      const { steps, mounts } = (await cache.read()).document
      const usable = mayUse === undefined ? steps : steps.filter(mayUse)
      if (usable.length < steps.length) {
        const what =
          usable.length === 0
            ? 'nothing in it is'
            : `${steps.length - usable.length} of its ${steps.length} steps are not`
        this.warn(
          cache,
          `the cache ${cache.label} is ${usable.length === 0 ? 'not' : 'only partly'} used: ${what} signed with the given key`,
        )
      }
      step.done()
      return { steps: usable, mounts }
    } catch (error) {
      if (this.call.signal.aborted) throw error
      const why = whyUnusable(error)
      step.done()
      this.warn(cache, `the cache ${cache.label} is not used: ${why}`)
      return { steps: [], mounts: [] }
    }
  }

  knows(form: string): boolean {
    return this.forms.has(form)
  }

  recall(key: string): SharedStep | undefined {
    const known = this.byKey.get(key)
    if (known === undefined || this.refused.has(known.step.layer.diffId)) return undefined
    const { keys, form, layer } = known.step
    const from = known.cache.label
    return { keys, form, layer, from, fetch: () => this.fetch(known), refuse: (why) => this.refuse(known, why) }
  }

  whyNot(key: string): string | undefined {
    const known = this.byKey.get(key)
    return known === undefined ? undefined : this.refused.get(known.step.layer.diffId)
  }

  recipes(): readonly Recipe[] {
    return [...new Set(this.byKey.values())].flatMap(({ step }) => step.recipe ?? [])
  }

  /** Brings cache mounts that RUN calls so, unless this store has them. */
  async bringMounts(ids: readonly string[]): Promise<void> {
    const isWanted = ({ id }: CachedMount) => ids.some((wanted) => id === wanted || id.endsWith(`/${wanted}`))
    const wanted = this.mounts.filter(({ mount }) => isWanted(mount))
    if (wanted.length === 0) return
    await this.turns.take(async () => {
      const storage = new RunStorage(this.host.store.own, this.call.signal)
      const here = new Set(storage.keys())
      for (const { mount, cache } of wanted) {
        if (here.has(mount.key)) continue
        here.add(mount.key)
        this.mounts.splice(
          this.mounts.findIndex((one) => one.mount === mount),
          1,
        )
        try {
          const plain = await decompress(await cache.open(mount.blob), unpackLimit(this.host), mount.blob.size)
          await storage.receive(plain.bytes, false)
        } catch (error) {
          if (this.call.signal.aborted || !(error instanceof TareError) || error.code.startsWith('STORE_')) throw error
          this.warn(
            cache,
            `the cache ${cache.label} is only partly used: its mount ${mount.id} cannot be used: ${error.message}`,
          )
        }
      }
    })
  }

  /** Returns where the layer is if it may stay there: its descriptor, and the repository. */
  whereabouts(diffId: Digest): { readonly blob: Descriptor; readonly repository: string } | undefined {
    for (const { step, cache } of this.byKey.values())
      if (step.layer.diffId === diffId && cache.repository !== undefined)
        return { blob: step.blob, repository: cache.repository }
    return undefined
  }

  /** Rejects with `UnusableResult` unless the layers are where the caches say. */
  async confirm(diffIds: readonly Digest[]): Promise<void> {
    await inParallel(diffIds, atOnce, async (diffId) => {
      const known = [...this.byKey.values()].find(({ step }) => step.layer.diffId === diffId)
      if (known === undefined) throw new Error(`a layer from no cache: ${diffId}`)
      const { cache, step } = known
      const isThere = await cache.has(step.blob).catch((error: unknown) => {
        if (this.call.signal.aborted || !(error instanceof TareError)) throw error
        return false
      })
      if (!isThere) throw this.refuse(known, 'is missing')
    })
  }

  private fetch(known: Known): Promise<void> {
    const { diffId } = known.step.layer
    const fetched = this.fetched.get(diffId) ?? this.turns.take(() => this.bring(known))
    this.fetched.set(diffId, fetched)
    return fetched
  }

  private async bring(known: Known): Promise<void> {
    const { cache, step } = known
    const { host, call } = this
    const { diffId, size } = step.layer
    if (host.store.blobs.touch(diffId) && host.store.blobs.size(diffId) === size) return
    this.step ??= call.steps.start('[internal] load cached layers')
    const open = async () => {
      const bytes = this.counted(await cache.open(step.blob), step.blob)
      return (await decompress(bytes, unpackLimit(host), step.blob.size)).bytes
    }
    try {
      const kept = await ingestLayer(host, diffId, open, call.signal, step.blob.size * 2)
      // A push to that registry need not compress it again.
      if (cache.repository !== undefined)
        rememberLocation(host.store, diffId, step.blob, cache.repository, { checked: true })
      if (kept.size !== size) throw new TareError('BLOB_CORRUPT', `it has ${kept.size} bytes, and not ${size}`)
    } catch (error) {
      if (call.signal.aborted || !(error instanceof TareError) || error.code.startsWith('STORE_')) throw error
      throw this.refuse(known, `cannot be used: ${error.message}`)
    }
  }

  private async *counted(bytes: Bytes, { digest, size }: Descriptor): Bytes {
    let current = 0
    for await (const chunk of bytes) {
      current += chunk.length
      this.step?.progress(digest, current, size, current === size)
      yield chunk
    }
  }

  private refuse({ cache, step }: Known, why: string): UnusableResult {
    const message = `the cache ${cache.label} is only partly used: its layer ${step.blob.digest} ${why}`
    this.refused.set(step.layer.diffId, `the layer ${step.blob.digest} of the cache ${cache.label} ${why}`)
    this.warn(cache, message)
    return new UnusableResult(message)
  }

  private warn(cache: CacheReader, message: string): void {
    if (this.told.has(cache)) return
    this.told.add(cache)
    this.call.report({ type: 'warning', rule: 'CacheNotUsed', message })
  }

  async close(): Promise<void> {
    this.step?.done()
    for (const reader of this.readers) await reader.close()
  }
}
