import { setMaxListeners } from 'node:events'
import type { BuildOptions, BuildResult, BuildWarning } from '../api/index.ts'
import { type AssembledLayer, assembleImage, type Document } from '../builder/assemble/index.ts'
import { type NamedContext, type Operation, type Planned, planBuild } from '../builder/plan/index.ts'
import type { Sandbox } from '../builder/sandbox/index.ts'
import { type RunSettings, solve } from '../builder/solve/index.ts'
import { type Snapshot, type SnapshotLayer, Snapshots } from '../content/layers/index.ts'
import {
  type Descriptor,
  type Digest,
  descriptorJson,
  familiarName,
  goJson,
  layerIn,
  mediaTypes,
  normalizePlatform,
  type Platform,
  parsePlatform,
  parseReference,
  type Reference,
} from '../oci/index.ts'
import { Steps, silent, TareError } from '../support/index.ts'
import { Agents } from './agents.ts'
import { readNamedContexts } from './base-image.ts'
import { asStep, BuildBases } from './build-bases.ts'
import { BuildContexts } from './build-contexts.ts'
import type { Needle } from './find-leaks.ts'
import { type Host, unpackLimit } from './host.ts'
import { sandboxOf } from './open-sandbox.ts'
import { type ImageLeak, type ImageParts, leakPolicy, leakWarning, needlesOf, searchImage } from './refuse-leaks.ts'
import { runSettings } from './run-settings.ts'
import { readSecret, type Secret } from './secrets.ts'

/** Builds an image from a Dockerfile and keeps it in the store. */
export async function build(host: Host, options: BuildOptions): Promise<BuildResult> {
  const names = (options.tags ?? []).map(readTag)
  const building = new Building(host, options)
  const release = host.store.lease()
  try {
    const planned = await building.plan()
    const images: Document[] = []
    for (const plan of planned) images.push(await building.make(plan))
    options.signal?.throwIfAborted()
    return await building.keep(planned, images, names)
  } finally {
    // On a full disk, closing fails as well.
    await building.close().finally(release)
  }
}

/** Reads and plans a build without making anything, for what its checks find. */
export async function check(host: Host, options: BuildOptions): Promise<readonly BuildWarning[]> {
  // That a registry gives no answer says nothing of the Dockerfile.
  const report: BuildOptions['report'] = (event) => {
    if (event.type !== 'warning' || event.rule !== 'BaseNotChecked') options.report?.(event)
  }
  const building = new Building(host, { ...options, report })
  try {
    return (await building.plan(!options.target)).flatMap((plan) => warningsOf(plan))
  } finally {
    await building.close()
  }
}

function readTag(text: string): Reference {
  let name: Reference
  try {
    name = parseReference(text)
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    throw new TareError('REFERENCE_INVALID', `invalid tag "${text}": ${error.message.replace(`: "${text}"`, '')}`, {
      remedy: error.remedy,
    })
  }
  if (name.digest !== undefined)
    throw new TareError('REFERENCE_INVALID', `invalid tag "${text}": a tag cannot have a digest`)
  return name
}

class Building {
  private readonly host: Host
  private readonly options: BuildOptions
  private readonly steps: Steps
  private readonly signal: AbortSignal
  private readonly platforms: readonly Platform[]
  private readonly snapshots: Snapshots
  private readonly named: ReadonlyMap<string, NamedContext>
  private readonly contexts: BuildContexts
  private readonly bases: BuildBases
  private opened: Sandbox | undefined
  private readonly secrets: readonly Secret[]
  private readonly agents: Agents
  /** What must not be found in the image. */
  private readonly needles: readonly Needle[]
  private leaks: readonly ImageLeak[] = []
  private checksAreErrors = false
  /** Of each image that was made. */
  private readonly layers: (readonly Digest[])[] = []
  private readonly ids: { config: Document['blob']; platform: Platform }[] = []

  constructor(host: Host, options: BuildOptions) {
    this.host = host
    this.options = options
    this.steps = new Steps(options.report ?? silent)
    this.bases = new BuildBases(host, options, this.steps)
    this.signal = AbortSignal.any(options.signal === undefined ? [] : [options.signal])
    // Each of many steps may listen.
    setMaxListeners(0, this.signal)
    this.snapshots = new Snapshots(host.store)
    // Now, so that a missing file is told before any work.
    this.secrets = (options.secrets ?? []).map((text) => readSecret(text, options.environment ?? {}))
    this.agents = new Agents(options.ssh ?? [], options.environment ?? {})
    const search = leakPolicy(options, false) !== 'allow'
    this.needles = search ? needlesOf(this.secrets, options.report ?? silent) : []
    const { steps, signal, secrets, agents } = this
    this.contexts = new BuildContexts(host, options, { steps, signal, secrets, agents })
    const wanted = (options.platforms ?? []).map((text) => normalizePlatform(parsePlatform(text, host.platform)))
    this.platforms = wanted.length === 0 ? [host.platform] : wanted
    this.named = readNamedContexts(host, options.contexts ?? {})
  }

  /** `allStages`: also those that the target does not need. */
  async plan(allStages = false): Promise<readonly Planned[]> {
    const { host, options } = this
    const { file, ignore } = await this.contexts.begin()
    const planned: Planned[] = []
    for (const platform of this.platforms) {
      const plan = await planBuild(file, {
        platform,
        buildPlatform: host.platform,
        target: options.target,
        buildArgs: buildArguments(options),
        labels: options.labels ?? {},
        contexts: this.named,
        resolveBase: (name, wanted) => this.bases.resolve(name, wanted),
        severalPlatforms: this.platforms.length > 1,
        network: options.network,
        allStages,
        ignore,
        timeOf: (source) => this.contexts.timeOf(source),
        signal: this.signal,
      })
      planned.push(plan)
    }
    this.checksAreErrors = file.check.error
    this.warn(planned[0]!)
    return planned
  }

  /** Makes one platform's layers and documents, all of which are in the store afterwards. */
  async make(plan: Planned): Promise<Document> {
    const { host, options } = this
    const { epoch } = plan.output
    const snapshots = await solve(plan, {
      store: host.store,
      snapshots: this.snapshots,
      context: (name) => this.contexts.get(name),
      steps: this.steps,
      mayRecall: (operation) => this.mayRecall(operation),
      now: () => host.now(),
      epoch,
      latest: options.rewriteTimestamp === true ? epoch : undefined,
      unpackLimit: unpackLimit(host),
      signal: this.signal,
      sandbox: () => this.sandbox(),
      run: this.runSettings(),
      fetchBase: (operation, step) => this.bases.fetch(operation, step),
      git: async ({ source }, step) => (await this.contexts.remotes()).git.find(source, step),
      download: async (operation) => (await import('./download.ts')).download(host, operation, this.signal),
    })
    this.bases.keep(plan.operations)
    const { config, manifest } = assembleImage(...this.facts(plan, snapshots))
    await this.search(plan, snapshots, [config, manifest])
    const step = this.steps.start('exporting to image')
    step.progress('exporting layers', 0, undefined, true)
    for (const document of [config, manifest]) host.store.blobs.write(document.bytes)
    step.progress(`writing image ${config.blob.digest}`, 0, undefined, true)
    step.done()
    this.ids.push({ config: config.blob, platform: plan.output.platform })
    this.layers.push(snapshots[plan.output.root]!.layers.map(({ diffId }) => diffId))
    return manifest
  }

  async keep(
    planned: readonly Planned[],
    images: readonly Document[],
    names: readonly Reference[],
  ): Promise<BuildResult> {
    const { store } = this.host
    const made = images.length === 1 ? images[0]!.blob : this.writeIndex(images)
    const basedOn = this.bases.basedOn(planned, this.layers)
    const pulledAs = store.entries().find(({ manifest }) => manifest.digest === made.digest)?.pulledAs
    const root = this.options.load === true ? await this.complete(made) : made
    await store.keep(root, names, this.host.now(), { basedOn, pulledAs })
    const id = images.length === 1 ? this.ids[0]!.config.digest : root.digest
    const familiar = names.map(familiarName)
    for (const name of familiar) this.options.report?.({ type: 'image', id, name })
    if (familiar.length === 0) this.options.report?.({ type: 'image', id })
    return {
      id,
      digest: root.digest,
      mediaType: root.mediaType,
      size: root.size,
      platform: images.length === 1 ? this.ids[0]!.platform : undefined,
      names: familiar,
      warnings: [...this.leaks.map(leakWarning), ...warningsOf(planned[0]!)],
    }
  }

  private async complete(root: Descriptor): Promise<Descriptor> {
    const { wholeImage } = await import('./whole-image.ts')
    const { signal, options, steps, host } = this
    const title = '[internal] load layers of the image'
    return asStep(steps, title, options.report ?? silent, (report) => wholeImage(host, root, { signal, report }))
  }

  async close(): Promise<void> {
    this.agents.close()
    this.bases.close()
    await this.opened?.close()
    await this.contexts.close()
  }

  private writeIndex(images: readonly Document[]): Document['blob'] {
    const manifests = images.map(({ blob }, i) => descriptorJson({ ...blob, platform: this.ids[i]!.platform }))
    const bytes = Buffer.from(goJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, 2))
    return { mediaType: mediaTypes.index, digest: this.host.store.blobs.write(bytes), size: bytes.length }
  }

  private facts({ output }: Planned, snapshots: readonly (Snapshot | undefined)[]): Parameters<typeof assembleImage> {
    const root = snapshots[output.root]!
    const layers: AssembledLayer[] = root.layers.map((layer) => ({
      diffId: layer.diffId,
      blob: this.whereabouts(layer),
      ...(layer.created === undefined ? {} : { created: layer.created }),
    }))
    const history = output.history.map(({ createdBy, layer }) => ({
      createdBy,
      ...(layer === undefined ? {} : { layer: snapshots[layer]!.layers.length - 1 }),
    }))
    return [{ ...output, history, annotations: this.options.annotations }, layers]
  }

  /** How a manifest names a layer: plain where it is here, else as the base's own manifest does. */
  private whereabouts({ diffId, size, blob }: SnapshotLayer): Descriptor {
    const known = size ?? (blob?.digest === diffId ? blob.size : this.host.store.blobs.size(diffId))
    return known === undefined ? layerIn('oci', blob!) : { mediaType: mediaTypes.layer, digest: diffId, size: known }
  }

  private runSettings(): RunSettings {
    const { onFailedStep } = this.options
    return {
      ...runSettings(this.host, this.options, this.secrets, this.agents),
      failed:
        onFailedStep === undefined ? undefined : ({ title }, message, shell) => onFailedStep({ title, message, shell }),
    }
  }

  /** Warns of secrets in the image, or refuses it. */
  private async search(...image: ImageParts): Promise<void> {
    const { needles, options, signal, snapshots } = this
    const policy = leakPolicy(options, this.checksAreErrors)
    const search = { needles, policy, signal, report: options.report ?? silent, store: this.host.store }
    const leaks = await searchImage(image, { ...search, atRest: (diffId) => snapshots.atRest(diffId) })
    this.leaks = [...this.leaks, ...leaks]
  }

  private sandbox(): Sandbox {
    if (this.opened !== undefined) return this.opened
    this.opened = sandboxOf(this.host, this.options.isolation)
    if (this.opened.isolation === 'chroot')
      this.options.report?.({
        type: 'warning',
        rule: 'NoRealProc',
        message:
          'RUN is by chroot, where /proc is not the real one but copies of a few files: what looks itself up there fails. `tare doctor` says what would mend that',
      })
    return this.opened
  }

  private mayRecall(operation: Operation): boolean {
    const { noCache, noCacheFilter } = this.options
    return noCache !== true && !(noCacheFilter ?? []).some((stage) => stage.toLowerCase() === operation.stage)
  }

  private warn(plan: Planned): void {
    for (const { rule, message, url, where } of plan.warnings)
      this.options.report?.({ type: 'warning', rule, message, url, where })
    if (!this.checksAreErrors || plan.warnings.length === 0) return
    const rules = [...new Set(plan.warnings.map(({ rule }) => rule))]
    throw new TareError('CHECK_FAILED', `lint violation found for rules: ${rules.join(', ')}`, {
      where: plan.warnings[0]!.where,
      remedy: 'The Dockerfile turns warnings into errors with `# check=error=true`.',
    })
  }
}

function warningsOf({ warnings }: Planned): BuildWarning[] {
  return warnings.map(({ rule, message, url, where }) => ({
    ...{ rule, message, line: where.line },
    ...(url === undefined ? {} : { url }),
  }))
}

/** The build arguments with values: those without one come from the environment, and so does SOURCE_DATE_EPOCH. */
function buildArguments({ buildArgs = {}, environment = {} }: BuildOptions): Map<string, string> {
  const given = new Map<string, string>()
  const epoch = environment['SOURCE_DATE_EPOCH']
  if (epoch !== undefined && epoch !== '') given.set('SOURCE_DATE_EPOCH', epoch)
  for (const [name, value] of Object.entries(buildArgs)) {
    const found = value ?? environment[name]
    if (found !== undefined) given.set(name, found)
  }
  return given
}
