import type { BaseImage, ImageOperation } from '../build/plan/index.ts'
import type { SnapshotLayer } from '../build/solve/index.ts'
import { formatReference, type Platform, parseManifest, parseReference } from '../oci/index.ts'
import { messageOf, type Steps } from '../support/index.ts'
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

  /** Fetches the layers of a base that is in a registry, which is then in the store under its name; undefined for another. */
  async layers({ base }: ImageOperation): Promise<readonly SnapshotLayer[] | undefined> {
    const remote = this.remotes.get(base)
    if (remote === undefined) return undefined
    const { keepRemote } = await import('./remote-image.ts')
    const { report, signal } = this.options
    const resting = await keepRemote(this.host, remote, { names: [remote.name], report, signal })
    const { layers } = parseManifest(this.host.store.blobs.read(resting.digest), `manifest ${resting.digest}`)
    return layers.map(({ size }, i) => ({ diffId: base.layers[i]!.diffId, size }))
  }

  close(): void {
    for (const { registry } of this.remotes.values()) registry.close()
  }
}
