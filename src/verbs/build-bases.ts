import type { BaseImage, ImageOperation, Operation } from '../build/plan/index.ts'
import { formatReference, type Platform, parseReference } from '../oci/index.ts'
import { messageOf, type Reporter, type Step, type Steps, silent } from '../support/index.ts'
import { remoteBase, storedBase } from './base-image.ts'
import type { Host } from './host.ts'
import type { RemoteImage } from './remote-image.ts'
import type { BuildOptions } from './types.ts'

/** The base images of one build: those of the store, and those of registries, whose layers come when a step needs them. */
export class BuildBases {
  private readonly host: Host
  private readonly options: BuildOptions
  private readonly steps: Steps
  private readonly remotes = new Map<BaseImage, RemoteImage>()
  private readonly kept = new Set<RemoteImage>()

  constructor(host: Host, options: BuildOptions, steps: Steps) {
    this.host = host
    this.options = options
    this.steps = steps
  }

  /** A base in the store is taken as it is, unless `pull` asks what the registry has now. */
  async resolve(name: string, platform: Platform): Promise<BaseImage> {
    const stored = storedBase(this.host, name, platform)
    if (stored !== undefined && this.options.pull !== true) return stored
    const step = this.steps.start(`[internal] load metadata for ${formatReference(parseReference(name))}`)
    try {
      const found = await remoteBase(this.host, name, platform, { signal: this.options.signal })
      step.done()
      if (found === undefined) return stored!
      this.remotes.set(found.base, found.remote)
      return found.base
    } catch (error) {
      step.failed(messageOf(error))
      throw error
    }
  }

  /** Brings the layers of a base into the store, where it then has its name. */
  async fetch({ base }: ImageOperation, step: Step): Promise<void> {
    const remote = this.remotes.get(base)
    const report = layersOf(step, this.options.report ?? silent)
    if (remote !== undefined) await this.keepWhole(remote, report)
    else {
      const { wholeImage } = await import('./whole-image.ts')
      await wholeImage(this.host, base.manifest, { report, signal: this.options.signal })
    }
  }

  /** Names those bases in the store that were built on without a look at their layers, so that the next build need not ask again. */
  async keep(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      const remote = operation.kind === 'image' ? this.remotes.get(operation.base) : undefined
      if (remote === undefined || this.kept.has(remote)) continue
      if (remote.config.diffIds.every((diffId) => this.host.store.blobs.touch(diffId)))
        await this.keepWhole(remote, this.options.report ?? silent)
      else {
        const { keepRemoteWithoutLayers } = await import('./remote-image.ts')
        await keepRemoteWithoutLayers(this.host, remote)
        this.kept.add(remote)
      }
    }
  }

  private async keepWhole(remote: RemoteImage, report: Reporter): Promise<void> {
    const { keepRemote } = await import('./remote-image.ts')
    await keepRemote(this.host, remote, { names: [remote.name], report, signal: this.options.signal })
    this.kept.add(remote)
  }

  close(): void {
    for (const { registry } of this.remotes.values()) registry.close()
  }
}

/** Shows layers that come as parts of a step, as BuildKit does, besides reporting them. */
export function layersOf(step: Step, report: Reporter): Reporter {
  return (event) => {
    report(event)
    if (event.type === 'transfer' && event.outcome !== 'existing')
      step.progress(event.digest, event.current, event.total, event.done)
  }
}

/** Does work whose layers are shown in a step of their own, once the first of them comes. */
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
