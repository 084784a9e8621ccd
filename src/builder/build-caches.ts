import type { BuildOptions } from '../api/index.ts'
import type { Snapshot } from '../content/layers/index.ts'
import type { PulledAs } from '../content/store/index.ts'
import { type Host, rememberLocation } from '../images/index.ts'
import type { Descriptor, Digest } from '../oci/index.ts'
import { type Reporter, type Steps, TareError } from '../support/index.ts'
import type { ExportedCaches, ImportedCaches } from './cache/index.ts'
import type { Operation, Plan } from './plan/index.ts'
import { type StepRecord, type Tools, UnusableResult } from './solve/index.ts'

type Snapshots = readonly (Snapshot | undefined)[]

export interface CachesCall {
  readonly steps: Steps
  readonly signal: AbortSignal
  readonly report: Reporter
}

/** The caches of one build: what it takes from others, and what it has for them. */
export class BuildCaches {
  private readonly host: Host
  private readonly options: BuildOptions
  private readonly call: CachesCall
  private exported: ExportedCaches | undefined
  private imported: ImportedCaches | undefined
  private readonly inline: boolean
  private readonly min: StepRecord[] = []
  private readonly max: StepRecord[] = []
  /** Layers of the images that stay in the cache they were found in. */
  private readonly left = new Map<Digest, { readonly blob: Descriptor; readonly repository: string }>()

  private readonly emptied = new Set<string>()
  private isOfEngine = false
  private readonly fromEngine = new WeakMap<Plan, Readonly<Record<string, unknown>>>()

  constructor(host: Host, options: BuildOptions, call: CachesCall) {
    this.host = host
    this.options = options
    this.call = call
    const { cacheTo = [], buildArgs = {} } = options
    this.inline =
      cacheTo.some(({ type }) => type === 'inline') || /^(?:1|true)$/i.test(buildArgs['BUILDKIT_INLINE_CACHE'] ?? '')
  }

  /** Reads the caches. Rejects with `CACHE_REFUSED`, `KEY_INVALID` and `REFERENCE_INVALID`. */
  async begin(): Promise<void> {
    const { host, options, call } = this
    const { cacheFrom = [], cacheTo = [], noCache, builder } = options
    // An engine has them itself.
    if (builder !== undefined && (await import('./engine-caches.ts')).isOneEngine(host, builder)) {
      this.isOfEngine = true
      return
    }
    if (cacheTo.some(({ type }) => type !== 'inline')) {
      const { ExportedCaches } = await loadCaches()
      this.exported = new ExportedCaches(host, options, call)
      await this.exported.begin()
    }
    if (cacheFrom.length > 0 && noCache !== true) {
      const { ImportedCaches } = await loadCaches()
      this.imported = await ImportedCaches.read(host, cacheFrom, call)
    }
  }

  /**
   * Solves the plan, again whenever a result of a cache has turned out to be unusable, and brings what the image has of the caches.
   * `search`: whether the layers will be read.
   */
  async solve(
    plan: Plan,
    search: boolean,
    work: (tools: Pick<Tools, 'shared' | 'done' | 'bringMounts' | 'emptyMounts' | 'explain'>) => Promise<Snapshots>,
  ): Promise<{ readonly snapshots: Snapshots; readonly records: readonly StepRecord[] }> {
    const { explain: wanted, noCache = false } = this.options
    const explain = wanted === true ? { noCache, lost: new Map<string, string>() } : undefined
    for (;;)
      try {
        const records = new Map<Operation, StepRecord>()
        const done = (operation: Operation, record: StepRecord) => void records.set(operation, record)
        const bringMounts = async (ids: readonly string[]) => this.imported?.bringMounts(ids)
        const snapshots = await work({
          shared: this.imported,
          done,
          bringMounts,
          emptyMounts: this.emptyMounts,
          explain,
        })
        await this.settle(snapshots[plan.output.root]!, search)
        const chain = chainOf(plan).flatMap((operation) => records.get(operation) ?? [])
        this.min.push(...chain)
        this.max.push(...records.values())
        return { snapshots, records: chain }
      } catch (error) {
        if (!(error instanceof UnusableResult)) throw error
      }
  }

  /** Empties cache mounts, each once a build: its platforms share them. */
  private readonly emptyMounts = async (ids: readonly string[]): Promise<void> => {
    const full = ids.filter((id) => !this.emptied.has(id))
    if (full.length === 0) return
    for (const id of full) this.emptied.add(id)
    const { runStorage } = await import('./session/index.ts')
    await runStorage(this.host, this.call.signal).emptyCaches(full)
  }

  /** Brings layers from caches, unless they may stay there for the registries that the image is pushed to. */
  private async settle({ layers, bring }: Snapshot, search: boolean): Promise<void> {
    const { store } = this.host
    const absent = layers.filter(({ diffId, blob }) => blob === undefined && !store.blobs.has(diffId))
    if (absent.length === 0 || this.imported === undefined) return
    const mayStay = absent.flatMap(({ diffId }) => {
      const there = search ? undefined : this.imported!.whereabouts(diffId)
      return there !== undefined && this.isNear(there.repository) ? { diffId, ...there } : []
    })
    if (mayStay.length < absent.length) return bring?.()
    await this.imported.confirm(mayStay.map(({ diffId }) => diffId))
    for (const { diffId, blob, repository } of mayStay) {
      rememberLocation(store, diffId, blob, repository)
      this.left.set(diffId, { blob, repository })
    }
  }

  /** Whether a registry can take layers of the repository without their coming by here. */
  private isNear(repository: string): boolean {
    const { pushedOnlyTo = [], load } = this.options
    return load !== true && pushedOnlyTo.length > 0 && pushedOnlyTo.every((host) => repository.startsWith(`${host}/`))
  }

  /** Layers of an image that are not in the store. */
  get elsewhere(): ReadonlyMap<Digest, Descriptor> {
    return new Map([...this.left].map(([diffId, { blob }]) => [diffId, blob]))
  }

  /** Notes the cache that an engine has made for an image's config. */
  takeInline(plan: Plan, member: string, value: unknown): void {
    this.fromEngine.set(plan, { [member]: value })
  }

  /** Notes a layer that stays in a repository, where an engine has pushed it. */
  leave(diffId: Digest, blob: Descriptor, repository: string): void {
    rememberLocation(this.host.store, diffId, blob, repository)
    this.left.set(diffId, { blob, repository })
  }

  /** Returns what is known of an image whose layers were left in caches. */
  async basedOn(image: Descriptor): Promise<readonly PulledAs[]> {
    if (this.left.size === 0) return []
    const { mediaType, digest, size } = image
    const manifest = { mediaType, digest, size }
    const claims = (await loadCaches()).unchecked(this.host, this.elsewhere)
    const repositories = new Set([...this.left.values()].map(({ repository }) => repository))
    return [...repositories].map((repository) => ({ manifest, root: manifest, repository, claims }))
  }

  /** Returns the members of an image's config that hold its cache. */
  async members(plan: Plan, records: readonly StepRecord[]): Promise<Readonly<Record<string, unknown>>> {
    if (this.isOfEngine) return this.fromEngine.get(plan) ?? {}
    if (!this.inline) return {}
    const { inlineMember, writeInline } = await loadCaches()
    return { [inlineMember]: writeInline(records) }
  }

  /** Exports what the steps have made. Rejects with `CACHE_EXPORT_FAILED`. */
  async export(): Promise<void> {
    if (this.exported === undefined) return
    const { min, max, imported } = this
    const left = new Map(this.elsewhere)
    for (const { layer } of max) {
      const there = this.host.store.blobs.has(layer.diffId) ? undefined : imported?.whereabouts(layer.diffId)
      if (there === undefined) continue
      rememberLocation(this.host.store, layer.diffId, there.blob, there.repository)
      left.set(layer.diffId, there.blob)
    }
    const bring = async ({ keys, layer }: StepRecord) => {
      if (this.host.store.blobs.has(layer.diffId)) return
      try {
        await imported?.recall(keys[0]!)?.fetch()
      } catch (cause) {
        if (!(cause instanceof UnusableResult)) throw cause
        throw new TareError('BLOB_MISSING', cause.message, { cause })
      }
    }
    await this.exported.write({ min, max, left, bring })
  }

  async close(): Promise<void> {
    await this.imported?.close()
    await this.exported?.close()
  }
}

/** Most builds have no use for them. */
function loadCaches() {
  return import('./cache/index.ts')
}

/** Returns the operations whose layers are in the image, lowest first. */
function chainOf({ operations, output }: Plan): readonly Operation[] {
  const chain: Operation[] = []
  for (let at = operations[output.root]; at !== undefined && 'onto' in at; at = operations[at.onto]) chain.unshift(at)
  return chain
}
