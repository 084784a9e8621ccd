import type { BuildOptions } from '../../api/index.ts'
import type { PulledAs, StoreEntry } from '../../content/store/index.ts'
import type { Host } from '../../images/index.ts'
import {
  isChecked,
  pulledAsOfEntry,
  pulledAsWithin,
  type RememberedBase,
  recallBase,
  rememberBase,
  renewBase,
  repositoryOf,
  shownDigest,
} from '../../images/index.ts'
import type { RemoteImage } from '../../images/transports/index.ts'
import {
  type Descriptor,
  type Digest,
  familiarName,
  formatPlatform,
  formatReference,
  type Platform,
  parseReference,
  type Reference,
} from '../../oci/index.ts'
import { messageOf, type Reporter, type Step, type Steps, silent, TareError } from '../../support/index.ts'
import type { BaseImage, ImageOperation, Operation, Plan } from '../plan/index.ts'
import { type StoredBase, storedBase, storedPlatforms } from './base-image.ts'
import { RegistryQuestions } from './registry-questions.ts'

// More than any real chain of images built on one another.
const mostBases = 32

/** Where a base comes from that the user has not stored, and the requested platform. */
interface Source {
  readonly name: Reference
  readonly platform: Platform
  readonly remote?: RemoteImage
  readonly remembered?: RememberedBase
}

/**
 * The base images of a build. Images that the user has pulled, built, loaded or tagged are used as they are. All others are
 * resolved by their registry; their layers are fetched when a step needs them.
 */
export class BuildBases {
  private readonly host: Host
  private readonly options: BuildOptions
  private readonly steps: Steps
  private readonly questions: RegistryQuestions
  private readonly found = new Map<string, Promise<BaseImage>>()
  private readonly sources = new Map<BaseImage, Source>()
  private readonly stored = new Map<BaseImage, StoreEntry>()
  private readonly kept = new Set<BaseImage>()

  constructor(host: Host, options: BuildOptions, steps: Steps) {
    this.host = host
    this.options = options
    this.steps = steps
    this.questions = new RegistryQuestions(host, options.signal)
  }

  /** Resolves a base for a platform. Rejects with `BASE_UNKNOWN`, `PLATFORM_MISSING`, and `REFERENCE_INVALID`. */
  async resolve(text: string, platform: Platform): Promise<BaseImage> {
    const name = parseReference(text)
    const key = `${formatReference(name)} ${formatPlatform(platform)}`
    const found = this.found.get(key) ?? this.find(text, name, platform)
    this.found.set(key, found)
    return found
  }

  private async find(text: string, name: Reference, platform: Platform): Promise<BaseImage> {
    const { store } = this.host
    const mayTake = this.options.pull !== true
    const named = storedBase(store, name, platform)
    const left = named === undefined ? undefined : leftByBuild(this.host, name, named)
    const stored = left === undefined ? named : undefined
    if (stored?.isMeant && mayTake) return this.takeStored(stored)
    const remembered = recallBase(store, name, platform) ?? left
    if (remembered !== undefined && name.digest !== undefined && mayTake)
      return this.take({ name, platform, remembered })
    const step = this.steps.start(`[internal] load metadata for ${formatReference(name)}`)
    try {
      const base = await this.ask(name, platform, stored, remembered)
      step.done()
      return base
    } catch (error) {
      step.failed(messageOf(error))
      throw this.explain(error, text, name)
    }
  }

  private async ask(
    name: Reference,
    platform: Platform,
    stored: StoredBase | undefined,
    remembered: RememberedBase | undefined,
  ): Promise<BaseImage> {
    const { store } = this.host
    const fallback = this.options.pull === true ? undefined : remembered
    try {
      const root = await this.questions.root(name, fallback !== undefined)
      if (remembered?.root.digest === root.digest)
        return this.take({ name, platform, remembered: { ...remembered, asked: this.host.now() } })
      const remote = await this.questions.image(name, platform, root, fallback !== undefined)
      if (stored !== undefined && pulledAsOfEntry(store, stored.entry)?.manifest.digest === remote.blob.digest)
        return this.takeStored(stored)
      return this.take({ name, platform, remote })
    } catch (error) {
      if (this.options.signal?.aborted === true || !(error instanceof TareError)) throw error
      if (fallback !== undefined && this.questions.isSilence(error)) {
        this.warn(name, fallback, error)
        return this.take({ name, platform, remembered: fallback })
      }
      // It is for another platform whose programs run here, and the registry has nothing better.
      if (stored !== undefined && this.options.pull !== true) return this.takeStored(stored)
      throw error
    }
  }

  private take(source: Source): BaseImage {
    const { remote, remembered, name } = source
    const base = remote === undefined ? remembered!.base : baseOf(name, remote)
    this.sources.set(base, source)
    return base
  }

  private takeStored({ base, entry }: StoredBase): BaseImage {
    this.stored.set(base, entry)
    return base
  }

  private warn(name: Reference, { asked }: RememberedBase, error: TareError): void {
    const when = asked.toISOString().replace(/\.\d+Z$/, 'Z')
    this.options.report?.({
      type: 'warning',
      rule: 'BaseNotChecked',
      message: `${familiarName(name)} is used as of ${when}, because its registry cannot be reached: ${error.message}`,
    })
  }

  private explain(error: unknown, text: string, name: Reference): unknown {
    if (this.options.signal?.aborted || !(error instanceof TareError)) return error
    const platforms = storedPlatforms(this.host.store, name)
    const there = platforms.length === 0 ? undefined : `The store has it for ${platforms.join(', ')}.`
    const remedy = [error.remedy, there].filter(Boolean).join(' ')
    if (error.code === 'PLATFORM_MISSING')
      return new TareError('PLATFORM_MISSING', error.message, { cause: error, remedy })
    const why = there === undefined ? `there is no image ${formatReference(name)} in the store, and it` : 'it'
    return new TareError('BASE_UNKNOWN', `${text}: ${why} cannot be pulled: ${error.message}`, {
      cause: error,
      remedy: remedy || 'Load it from an archive with `tare load`, or create it with `tare import` or `tare build -t`.',
    })
  }

  /** Fetches the layers of a base into the store. */
  async fetch({ base }: ImageOperation, step: Step): Promise<void> {
    const { host } = this
    const { signal } = this.options
    const report = layersOf(step, this.options.report ?? silent)
    const source = this.sources.get(base)
    if (source?.remote !== undefined) {
      const { ingestChecked } = await import('../../images/ingest/index.ts')
      await ingestChecked(host, source.remote, { report, signal, repository: repositoryOf(source.name) })
      this.remember(base)
    } else if (source?.remembered !== undefined) {
      const { MissingLayers } = await import('../../images/ingest/index.ts')
      const elsewhere = new MissingLayers(host, { report, signal })
      const repositories = [source.remembered.repository]
      await elsewhere.bring(base.layers.map((layer) => ({ ...layer, repositories }))).finally(() => elsewhere.close())
      this.remember(base)
    } else {
      const { completeImage } = await import('../../images/ingest/index.ts')
      await completeImage(host, base.manifest, { report, signal })
    }
  }

  /** Returns how others can pull a base, `docker.io/library/alpine@sha256:…`; undefined if only this machine has it. */
  pullable(base: BaseImage): string | undefined {
    const source = this.sources.get(base)
    if (source !== undefined) return `${repositoryOf(source.name)}@${base.manifest.digest}`
    const entry = this.stored.get(base)
    const known = entry === undefined ? undefined : pulledAsWithin(this.host.store, entry, base.manifest)
    return known?.repository === undefined ? undefined : `${known.repository}@${known.manifest.digest}`
  }

  /** Caches the bases that the build used, for the next one. */
  keep(operations: readonly Operation[]): void {
    for (const operation of operations) if (operation.kind === 'image') this.remember(operation.base)
  }

  /** Returns what the bases are known as whose layers these images start with, given by their diff IDs. */
  basedOn(plans: readonly Plan[], images: readonly (readonly Digest[])[]): readonly PulledAs[] | undefined {
    const isBelow = ({ layers }: BaseImage) =>
      layers.length > 0 && images.some((image) => layers.every(({ diffId }, i) => diffId === image[i]))
    const bases = plans
      .flatMap(({ operations }) => operations)
      .flatMap((operation) => (operation.kind === 'image' && isBelow(operation.base) ? [operation.base] : []))
    const known = new Map(bases.flatMap((base) => this.knownAs(base)).map((one) => [one.manifest.digest, one]))
    return known.size === 0 ? undefined : [...known.values()].slice(0, mostBases)
  }

  /** Returns the digest that a base's name stands for: of its index, if it has one. */
  digestOf(base: BaseImage): Digest {
    const entry = this.stored.get(base)
    const { remote, remembered } = this.sources.get(base) ?? {}
    if (entry !== undefined) return shownDigest(this.host.store, entry)
    return (remote ?? remembered)?.root.digest ?? base.manifest.digest
  }

  private knownAs(base: BaseImage): readonly PulledAs[] {
    const { store } = this.host
    const entry = this.stored.get(base)
    const source = this.sources.get(base)
    if (entry !== undefined) return [pulledAsWithin(store, entry, base.manifest) ?? [], entry.basedOn ?? []].flat()
    if (source === undefined) return []
    const isClaim = ({ blob, diffId }: BaseImage['layers'][number]) => !isChecked(store, diffId, blob.digest)
    const claims = base.layers.filter(isClaim).map(({ blob }) => blob.digest)
    const { root } = source.remote ?? source.remembered!
    return [{ manifest: base.manifest, root, repository: repositoryOf(source.name), claims }]
  }

  private remember(base: BaseImage): void {
    const source = this.sources.get(base)
    if (source === undefined || this.kept.has(base)) return
    const { name, platform, remote, remembered } = source
    if (remote !== undefined) rememberBase(this.host.store, name, platform, remote, this.host.now())
    else if (remembered !== undefined) renewBase(this.host.store, name, platform, remembered)
    this.kept.add(base)
  }

  close(): void {
    this.questions.close()
  }
}

function baseOf(reference: Reference, { blob, manifest, config }: RemoteImage): BaseImage {
  const layers = manifest.layers.map((layer, i) => ({ blob: layer, diffId: config.diffIds[i]! }))
  return { reference, manifest: blob, config, layers, fetchable: true }
}

/**
 * Builds of earlier versions named their bases. One whose layers are still in its registry was left by such a build, and was not
 * pulled.
 */
function leftByBuild({ store }: Host, name: Reference, { base, entry }: StoredBase): RememberedBase | undefined {
  if (entry.pulledAs !== undefined) return undefined
  const known = pulledAsOfEntry(store, entry)
  const repository = repositoryOf(name)
  const isAsThere = (blob: Descriptor) => blob.digest === base.manifest.digest
  if (known?.repository !== repository || !isAsThere(known.manifest)) return undefined
  const asked = new Date(Date.parse(entry.tagged ?? '') || 0)
  return { base: { ...base, reference: name, fetchable: true }, root: known.root, repository, asked }
}

/** Also reports layers as progress of a step, as BuildKit does. */
export function layersOf(step: Step, report: Reporter): Reporter {
  return (event) => {
    report(event)
    if (event.type === 'transfer' && event.outcome !== 'existing')
      step.progress(event.digest, event.current, event.total, event.done)
  }
}

/** Shows the layers that some work transfers in a step of their own, starting with the first of them. */
export async function asStep<T>(
  steps: Steps,
  title: string,
  report: Reporter,
  work: (report: Reporter) => Promise<T>,
): Promise<T> {
  let step: Step | undefined
  let told: Reporter | undefined
  try {
    const result = await work((event) => {
      if (event.type !== 'transfer' || event.outcome === 'existing') return report(event)
      step ??= steps.start(title)
      told ??= layersOf(step, report)
      told(event)
    })
    step?.done()
    return result
  } catch (error) {
    step?.failed(messageOf(error))
    throw error
  }
}
