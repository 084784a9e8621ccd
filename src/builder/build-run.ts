import { setMaxListeners } from 'node:events'
import type { BuildOptions, BuildResult } from '../api/index.ts'
import { type Snapshot, Snapshots } from '../content/layers/index.ts'
import type { Dockerfile } from '../dockerfile/index.ts'
import { type Host, unpackLimit } from '../images/index.ts'
import { type Digest, normalizePlatform, type Platform, parsePlatform } from '../oci/index.ts'
import { inParallel, type Step, Steps, silent } from '../support/index.ts'
import { assembleImage } from './assemble/index.ts'
import type { BuildAttester } from './attester.ts'
import { BuildCaches } from './build-caches.ts'
import type { BuildEngine } from './build-engines.ts'
import { buildArguments, reportWarnings, squashOf, warningsOf, warnOfWindows } from './build-options.ts'
import { annotationsOf, configWith, imageFacts, madeLayers, sourceOf } from './image-facts.ts'
import {
  type BuiltImage,
  makeOutputs,
  pushedOnlyTo,
  type ResolvedOutput,
  resolveOutputs,
  resultOf,
} from './outputs/index.ts'
import {
  type DownloadOperation,
  type GitOperation,
  type ImageOperation,
  type Operation,
  type Planned,
  type PlannedContext,
  planBuild,
} from './plan/index.ts'
import type { ChosenSandbox } from './sandbox/index.ts'
import type { Needle } from './session/index.ts'
import {
  Agents,
  BuildBases,
  BuildContexts,
  type ImageLeak,
  type ImageParts,
  leakPolicy,
  leakWarning,
  Materials,
  needlesOf,
  noRealProc,
  type ReadSecret,
  readNamedContexts,
  readSecret,
  runSettings,
  sandboxOf,
  searchImage,
} from './session/index.ts'
import { type RunSettings, solve, squash } from './solve/index.ts'
import { isListed, type WantedStatements, wantedStatements } from './wanted-statements.ts'

/**
 * One build, from its options to its outputs: `plan`, then `make` for each platform, then `finish`; `close` in any case.
 */
export class BuildRun {
  private readonly host: Host
  private readonly options: BuildOptions
  readonly steps: Steps
  private readonly stop = new AbortController()
  readonly signal: AbortSignal
  private readonly platforms: readonly Platform[]
  private readonly snapshots: Snapshots
  private readonly named: ReadonlyMap<string, PlannedContext>
  private readonly contexts: BuildContexts
  readonly bases: BuildBases
  readonly caches: BuildCaches
  private chosen: ChosenSandbox | undefined
  private engine: BuildEngine | undefined
  private readonly secrets: readonly ReadSecret[]
  private readonly agents: Agents
  /** What must not appear in the image. */
  readonly needles: readonly Needle[]
  private leaks: readonly ImageLeak[] = []
  private checksAreErrors = false
  /** For each image made. */
  private readonly layers: (readonly Digest[])[] = []
  readonly outputs: readonly ResolvedOutput[]
  readonly statements: WantedStatements
  private readonly materials = new Materials()
  private readonly started: Date
  private readonly made = new Set<string>()
  private dockerfile = { name: 'Dockerfile', text: '' }

  constructor(host: Host, options: BuildOptions) {
    this.host = host
    this.options = options
    this.started = host.now()
    const wanted = (options.platforms ?? []).map((text) => normalizePlatform(parsePlatform(text, host.platform)))
    const platforms = wanted.length === 0 ? [host.platform] : wanted
    this.platforms = platforms
    this.statements = wantedStatements(options)
    const isAttested = isListed(this.statements)
    this.outputs = resolveOutputs({ options, platforms, home: host.store.home, isAttested })
    this.steps = new Steps(options.report ?? silent)
    this.bases = new BuildBases(host, options, this.steps)
    this.signal = AbortSignal.any([this.stop.signal, ...(options.signal === undefined ? [] : [options.signal])])
    // Many steps may listen.
    setMaxListeners(0, this.signal)
    this.snapshots = new Snapshots(host.store)
    // Read now, so that a missing file is reported before any work.
    this.secrets = (options.secrets ?? []).map((text) => readSecret(text, options.environment ?? {}))
    this.agents = new Agents(options.ssh ?? [], options.environment ?? {})
    const search = leakPolicy(options, false) !== 'allow'
    this.needles = search ? needlesOf(this.secrets, options.report ?? silent) : []
    const { steps, signal, secrets, agents, materials } = this
    this.contexts = new BuildContexts(host, options, { steps, signal, secrets, agents, materials })
    const nearOnly = { ...options, pushedOnlyTo: options.pushedOnlyTo ?? pushedOnlyTo(this.outputs) }
    this.caches = new BuildCaches(host, nearOnly, { steps, signal, report: options.report ?? silent })
    this.named = readNamedContexts(host, options.contexts ?? {})
  }

  /** Reads the Dockerfile alone. */
  async read(): Promise<Dockerfile> {
    return (await this.contexts.begin()).file
  }

  /** `allStages` includes stages the target does not need, `outline` what can be given to the build. */
  async plan({ allStages = false, outline = false } = {}): Promise<readonly Planned[]> {
    const { host, options } = this
    if (options.builder !== undefined) this.engine = (await import('./build-engines.ts')).engineOf(host, options, this)
    const { file, ignore } = await this.contexts.begin()
    this.dockerfile = sourceOf(file)
    const planned: Planned[] = []
    for (const platform of this.platforms) {
      const plan = await planBuild(file, {
        platform,
        buildPlatform: (await this.engine?.buildPlatform(platform, this.dockerfile.text)) ?? host.platform,
        target: options.target,
        squash: squashOf(options),
        buildArgs: buildArguments(options),
        labels: options.labels ?? {},
        contexts: this.named,
        resolveBase: (name, wanted) => this.bases.resolve(name, wanted),
        severalPlatforms: this.platforms.length > 1,
        network: options.network,
        ...{ allStages, outline, ignore },
        timeOf: (source) => this.contexts.timeOf(source),
        signal: this.signal,
      })
      planned.push(dated(plan, options.epoch))
    }
    this.checksAreErrors = file.check.error
    reportWarnings(planned, this.checksAreErrors, options.report ?? silent)
    return planned
  }

  /** Makes all images; several engines work at the same time. The first failure ends the others. */
  async makeAll(planned: readonly Planned[]): Promise<readonly BuiltImage[]> {
    return inParallel(planned, this.engine?.isSplit === true ? planned.length : 1, async (plan) => {
      const made = this.make(plan)
      made.catch((error: unknown) => this.stop.abort(error))
      return made
    })
  }

  /** Makes one platform's layers and documents, and stores them. */
  private async make(plan: Planned): Promise<BuiltImage> {
    const { host, options } = this
    const { epoch } = plan.output
    const tools = {
      store: host.store,
      snapshots: this.snapshots,
      context: (name: string) => this.contexts.get(name),
      steps: this.steps,
      jobs: options.jobs || undefined,
      mayRecall: (operation: Operation) => this.mayRecall(operation),
      made: this.made,
      now: () => host.now(),
      epoch,
      latest: options.rewriteTimestamp === true ? epoch : undefined,
      unpackLimit: unpackLimit(host),
      signal: this.signal,
      sandbox: () => this.sandbox(),
      run: this.runSettings(),
      fetchBase: (operation: ImageOperation, step: Step) => this.bases.fetch(operation, step),
      git: async ({ source }: GitOperation, step: Step) => (await this.contexts.remotes()).git.find(source, step),
      download: async (operation: DownloadOperation) => {
        const file = await (await import('./session/index.ts')).download(host, operation, this.signal)
        this.materials.addFile(operation.url, file.digest)
        return file
      },
    }
    const search = this.needles.length > 0 && leakPolicy(options, this.checksAreErrors) !== 'allow'
    const { engine } = this
    const configOf = (made: readonly (Snapshot | undefined)[]) => configWith(host.store, plan, made)
    const here = (caches: object) => solve(plan, { ...tools, ...caches })
    const { snapshots: solved, records } = await this.caches.solve(plan, search, (caches) =>
      engine === undefined ? here(caches) : engine.solve(plan, { ...tools, configOf }, () => here(caches)),
    )
    const { plan: kept, snapshots } = await squash(plan, solved, tools)
    this.bases.keep(plan.operations)
    const { elsewhere } = this.caches
    const members = await this.caches.members(plan, records)
    const { config, manifest } = assembleImage(...imageFacts(host.store, kept, snapshots, elsewhere, members))
    await this.search(plan, solved, [
      { what: 'config', bytes: config.bytes },
      { what: 'manifest', bytes: manifest.bytes },
      { what: 'manifest', bytes: annotationsOf(this.outputs) },
    ])
    const step = this.steps.start('exporting to image')
    step.progress('exporting layers', 0, undefined, true)
    for (const document of [config, manifest]) host.store.blobs.write(document.bytes)
    step.progress(`writing image ${config.blob.digest}`, 0, undefined, true)
    step.done()
    const snapshot = snapshots[plan.output.root]!
    this.layers.push(snapshot.layers.map(({ diffId }) => diffId))
    const made = madeLayers(plan, solved, snapshot)
    warnOfWindows(plan.output.platform, made.length, options.report)
    return { platform: plan.output.platform, config, manifest, snapshot, plan, made, epoch }
  }

  /** Makes the outputs. */
  async finish(planned: readonly Planned[], images: readonly BuiltImage[]): Promise<BuildResult> {
    const { host, steps, signal, snapshots } = this
    const report = this.options.report ?? silent
    const bases = this.bases.basedOn(planned, this.layers) ?? []
    const cached = (await Promise.all(images.map(({ manifest }) => this.caches.basedOn(manifest.blob)))).flat()
    const basedOn = bases.length + cached.length === 0 ? undefined : [...bases, ...cached]
    const attester = await this.attester(images)
    const loader = await this.engine?.loader(images.length)
    const outputs = await makeOutputs(this.outputs, {
      ...{ host, images, snapshots, attester, basedOn, loader, pushedAs: new Map(), steps, report, signal },
    })
    const { digest, mediaType, size } = resultOf(host.store, images, outputs)
    const id = images.length === 1 ? images[0]!.config.blob.digest : digest
    const names = outputs.flatMap(({ kind, to }) => (kind === 'image' && !to.startsWith('sha256:') ? [to] : []))
    for (const name of names) report({ type: 'image', id, name })
    if (names.length === 0) report({ type: 'image', id })
    return {
      ...{ id, digest, mediaType, size, names, outputs },
      platform: images.length === 1 ? images[0]!.platform : undefined,
      warnings: [...this.leaks.map(leakWarning), ...warningsOf(planned)],
    }
  }

  /** Returns what makes statements; undefined if none are wanted. */
  private async attester(images: readonly BuiltImage[]): Promise<BuildAttester | undefined> {
    const { host, options, statements, snapshots, dockerfile, materials, started } = this
    if (statements.provenance === undefined && statements.sbom === undefined) return undefined
    const { attesterFor } = await import('./attester.ts')
    const { context } = options
    const platforms = new Map<BuiltImage, Platform>()
    for (const image of images) platforms.set(image, (await this.engine?.ranOn(image.plan)) ?? host.platform)
    return attesterFor(statements, this.outputs, {
      ...{ host, options, snapshots, dockerfile, started },
      materialsOf: (plan) => materials.of(plan, (base) => this.bases.digestOf(base)),
      context: context.kind === 'remote' ? materials.context(context.address) : undefined,
      secretTexts: this.runSettings().hidden,
      ranOn: (image) => platforms.get(image)!,
    })
  }

  async close(): Promise<void> {
    await this.engine?.close()
    this.agents.close()
    this.bases.close()
    await this.chosen?.close()
    await this.caches.close()
    await this.contexts.close()
  }

  private runSettings(): RunSettings {
    const { onFailedStep } = this.options
    return {
      ...runSettings(this.host, this.options, this.secrets, this.agents),
      failed:
        onFailedStep === undefined ? undefined : ({ title }, message, shell) => onFailedStep({ title, message, shell }),
    }
  }

  /** Warns of secrets in the image, or rejects it. */
  private async search(...image: ImageParts): Promise<void> {
    const { needles, options, signal, snapshots } = this
    const policy = leakPolicy(options, this.checksAreErrors)
    const search = { needles, policy, signal, report: options.report ?? silent, store: this.host.store }
    const leaks = await searchImage(image, { ...search, storedLayer: (diffId) => snapshots.storedLayer(diffId) })
    this.leaks = [...this.leaks, ...leaks]
  }

  private sandbox(): ChosenSandbox {
    if (this.chosen !== undefined) return this.chosen
    this.chosen = sandboxOf(this.host, this.options.isolation)
    if (this.chosen.isolation === 'chroot') this.options.report?.(noRealProc)
    return this.chosen
  }

  private mayRecall(operation: Operation): boolean {
    const { noCache, noCacheFilter } = this.options
    return noCache !== true && !(noCacheFilter ?? []).some((stage) => stage.toLowerCase() === operation.stage)
  }
}

/** Returns the plan with another time for the image. */
function dated(plan: Planned, epoch: number | undefined): Planned {
  return epoch === undefined ? plan : { ...plan, output: { ...plan.output, epoch } }
}
