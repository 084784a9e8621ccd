import { setTimeout as sleep } from 'node:timers/promises'
import type { BuildOptions } from '../../api/index.ts'
import { type Host, isChecked } from '../../images/index.ts'
import type { Descriptor, Digest } from '../../oci/index.ts'
import {
  inParallel,
  messageOf,
  type Reporter,
  type Step,
  type Steps,
  TareError,
  WritersPace,
} from '../../support/index.ts'
import { RunStorage } from '../sandbox/index.ts'
import { forOthers, type StepRecord } from '../solve/index.ts'
import { whyUnusable } from './cache-manifest.ts'
import { type CacheDocument, type CachedStep, isSameKnowledge, merge, replacing } from './document.ts'
import { mergeMounts, storeMounts } from './mounts.ts'
import { openCacheWriter, type StoredDestination } from './open-cache.ts'
import { readSigner, type Signer } from './signing.ts'
import { type CacheWriter, type FoundCache, NoCache } from './storage.ts'

/** What a build has to share. */
export interface BuiltSteps {
  /** The steps whose layers are in the image. */
  readonly min: readonly StepRecord[]
  /** All of them. */
  readonly max: readonly StepRecord[]
  /** Where layers are that were left in the cache they come from. */
  readonly left: ReadonlyMap<Digest, Descriptor>
  /** Brings such a layer into the store. */
  bring(record: StepRecord): Promise<void>
}

export interface ExportCall {
  readonly steps: Steps
  readonly signal?: AbortSignal | undefined
  readonly report: Reporter
}

const nothing: CacheDocument = { steps: [], mounts: [], replaced: [] }
// Each is compressed on all cores.
const layersAtOnce = 3
// Others may have written meanwhile; what they overwrite is added again.
const attempts = 20
// Milliseconds.
const shortestWait = 40

/** The caches that a build writes. `begin` before any work, `write` when the image is out, `close` in any case. */
export class ExportedCaches {
  private readonly host: Host
  private readonly call: ExportCall
  private readonly destinations: readonly StoredDestination[]
  private readonly signers = new Map<StoredDestination, Signer>()
  private readonly writers = new Map<StoredDestination, CacheWriter>()

  /** Throws `KEY_INVALID`. */
  constructor(host: Host, { cacheTo = [] }: BuildOptions, call: ExportCall) {
    this.host = host
    this.call = call
    this.destinations = cacheTo.filter((to): to is StoredDestination => to.type !== 'inline')
    for (const to of this.destinations) if (to.sign !== undefined) this.signers.set(to, readSigner(to.sign))
  }

  /** Throws `CACHE_REFUSED` for a reference that holds an image. What cannot be reached may be reachable later. */
  async begin(): Promise<void> {
    for (const to of this.destinations) {
      const writer = await openCacheWriter(this.host, to, this.call)
      this.writers.set(to, writer)
      await this.found(to, writer).catch((error: unknown) => {
        if (this.call.signal?.aborted || !(error instanceof TareError) || error.code === 'CACHE_REFUSED') throw error
      })
    }
  }

  /** Rejects with `CACHE_EXPORT_FAILED`, after all have been tried. */
  async write(built: BuiltSteps): Promise<void> {
    let failure: TareError | undefined
    for (const [to, writer] of this.writers) {
      const step = this.call.steps.start(`exporting cache to ${to.type}`)
      try {
        await this.writeOne(to, writer, built, step)
        step.done()
      } catch (error) {
        if (this.call.signal?.aborted || !(error instanceof TareError || error instanceof NoCache)) throw error
        const message = `the cache could not be exported to ${writer.label}: ${error.message}`
        if (to.ignoreError === true) {
          step.done()
          this.call.report({ type: 'warning', rule: 'CacheNotExported', message })
          continue
        }
        step.failed(messageOf(error))
        failure ??= new TareError('CACHE_EXPORT_FAILED', message, {
          cause: error,
          remedy: remedyFor(error, to),
        })
      }
    }
    if (failure !== undefined) throw failure
  }

  private async writeOne(to: StoredDestination, writer: CacheWriter, built: BuiltSteps, step: Step): Promise<void> {
    const records = to.mode === 'max' ? built.max : built.min
    let found = await this.found(to, writer)
    const mounts =
      to.mounts === true
        ? await storeMounts(this.host, new RunStorage(this.host.store.own, this.call.signal), writer, to)
        : []
    const stored = new Map<Digest, Descriptor>()
    const pace = new WritersPace(shortestWait)
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { added, document: steps } = await this.addTo(to, writer, found, { built, records, stored, step })
      const document = { ...steps, mounts: mergeMounts(steps.mounts, mounts) }
      if (isSameKnowledge(document, found?.document ?? nothing) && found !== undefined) return
      step.progress('writing cache manifest', 0, undefined, false)
      pace.begin()
      const before = await this.found(to, writer)
      if (attempt < attempts && before?.manifest !== found?.manifest) {
        // Layers take long to send.
        found = before
        continue
      }
      await writer.write(replacing(document, found?.manifest))
      await this.pause(pace.written())
      const now = await this.found(to, writer)
      if (now === undefined || hasAll(now.document, added)) return
      found = now
      await this.pause(pace.spread())
    }
  }

  private async pause(time: number): Promise<void> {
    const { signal } = this.call
    await sleep(time, undefined, signal === undefined ? {} : { signal })
  }

  /** Stores the layers of what is new, and returns the cache with it. */
  private async addTo(
    to: StoredDestination,
    writer: CacheWriter,
    found: FoundCache | undefined,
    { built, records, stored, step }: Adding,
  ): Promise<{ readonly added: readonly CachedStep[]; readonly document: CacheDocument }> {
    const old = found?.document ?? nothing
    for (const known of old.steps) if (!stored.has(known.layer.diffId)) stored.set(known.layer.diffId, known.blob)
    const missing = new Map(records.map((record) => [record.layer.diffId, record]))
    for (const diffId of stored.keys()) missing.delete(diffId)
    await inParallel([...missing.values()], layersAtOnce, async (record) => {
      const { diffId, size } = record.layer
      const plain = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: diffId, size }
      const blob = this.host.store.blobs.has(diffId) ? plain : (built.left.get(diffId) ?? plain)
      step.progress(`writing layer ${diffId}`, 0, size, false)
      const bring = () => built.bring(record)
      if (blob === plain) await bring()
      stored.set(diffId, await writer.store({ diffId, blob, bring }))
      step.progress(`writing layer ${diffId}`, size, size, true)
    })
    const added = records.map(
      (record): CachedStep => ({
        ...record,
        blob: stored.get(record.layer.diffId)!,
        named: '',
        recipe: forOthers(this.host.store, record.keys[0]!),
      }),
    )
    const signer = this.signers.get(to)
    const today = this.host.now().toISOString().slice(0, 10)
    return { added, document: merge(old, added, { today, ...signer }) }
  }

  /** Returns the cache that is there; undefined if there is none, or one that may be replaced. */
  private async found(to: StoredDestination, writer: CacheWriter): Promise<FoundCache | undefined> {
    try {
      const found = await writer.read()
      if (found.manifest !== undefined) return found
      throw new NoCache('it is an image with a cache of its own', false)
    } catch (error) {
      const isOverwritten = to.type === 'registry' && to.overwrite === true
      if (error instanceof NoCache && (error.mayReplace || isOverwritten)) return undefined
      if (error instanceof NoCache)
        throw new TareError('CACHE_REFUSED', `the cache cannot be exported to ${writer.label}: ${error.message}`, {
          remedy: 'Choose another reference, as in app:cache. To replace what it holds, add overwrite=true.',
        })
      // A damaged one is replaced.
      if (error instanceof TareError && /damaged|incomplete/.test(whyUnusable(error))) return undefined
      throw error
    }
  }

  async close(): Promise<void> {
    for (const writer of this.writers.values()) await writer.close()
  }
}

interface Adding {
  readonly built: BuiltSteps
  readonly records: readonly StepRecord[]
  /** Layers that are there. */
  readonly stored: Map<Digest, Descriptor>
  readonly step: Step
}

function hasAll(document: CacheDocument, added: readonly CachedStep[]): boolean {
  const keys = new Set(document.steps.flatMap((step) => step.keys))
  return added.every((step) => step.keys.some((key) => keys.has(key)))
}

/** Returns which of the layers are only claimed to be what they are. */
export function unchecked(host: Host, left: ReadonlyMap<Digest, Descriptor>): readonly Digest[] {
  return [...left].flatMap(([diffId, blob]) => (isChecked(host.store, diffId, blob.digest) ? [] : [blob.digest]))
}

/** A registry that refuses the cache's media types may take others. */
function remedyFor(error: unknown, to: StoredDestination): string | undefined {
  if (!(error instanceof TareError)) return undefined
  if (error.code !== 'MANIFEST_REFUSED' || to.type !== 'registry') return error.remedy
  const { imageManifest = true, ociMediaTypes = true } = to
  const others = [...(imageManifest ? [] : ['image-manifest=true']), ...(ociMediaTypes ? ['oci-mediatypes=false'] : [])]
  const other = others.length === 0 ? '' : `Try ${others.join(' or ')}, or `
  return `It may not accept the media types of a cache. ${other || 'Use '}another registry, type=local or type=inline.`
}
