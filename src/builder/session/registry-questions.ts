import type { Registry } from '../../content/registry/index.ts'
import type { Host } from '../../images/index.ts'
import type { RemoteImage } from '../../images/transports/index.ts'
import { isAboutCertificates } from '../../net/index.ts'
import { type Descriptor, formatReference, type Platform, type Reference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

const usualPatience = 5_000

interface Opened {
  readonly registry: Registry
  readonly stop: AbortController
  /** What the name points to, once resolved. */
  root?: Descriptor
}

/** A build's requests to registries: each name is resolved once, for all platforms. */
export class RegistryQuestions {
  private readonly host: Host
  private readonly signal: AbortSignal | undefined
  private readonly opened = new Map<string, Opened>()
  private readonly all: Registry[] = []
  private readonly silent = new Map<string, TareError>()
  /** Milliseconds spent waiting per name. */
  private readonly waited = new Map<string, number>()

  constructor(host: Host, signal: AbortSignal | undefined) {
    this.host = host
    this.signal = signal
  }

  /**
   * Resolves a name. Rejects with `IMAGE_UNKNOWN`. `soon`: the caller can do without, and waits at most five seconds in total
   * (`registryPatience`), and not at all for a registry that has already failed to respond.
   */
  async root(name: Reference, soon: boolean): Promise<Descriptor> {
    const opened = await this.open(name)
    if (opened.root !== undefined) return opened.root
    const { unknownImage } = await import('../../images/transports/index.ts')
    const root = await this.within(name, soon, () => opened.registry.resolve(name))
    if (root === undefined) throw unknownImage(name, opened.registry.mirrorsSaid)
    opened.root = root
    return root
  }

  /** Returns the root's image for a platform: its manifest and config. */
  async image(name: Reference, platform: Platform, root: Descriptor, soon: boolean): Promise<RemoteImage> {
    const { registry } = await this.open(name)
    const { readRemote } = await import('../../images/transports/index.ts')
    return this.within(name, soon, () => readRemote(this.host, registry, name, platform, root))
  }

  /** Whether an error means that a registry did not respond. */
  isSilence(error: unknown): error is TareError {
    if (!(error instanceof TareError)) return false
    if (error.code === 'REGISTRY_UNREACHABLE') return !isAboutCertificates(error)
    return error.code === 'REGISTRY_BUSY' || error.code === 'REGISTRY_FAILED'
  }

  close(): void {
    for (const registry of this.all) registry.close()
  }

  private async open(name: Reference): Promise<Opened> {
    const key = formatReference(name)
    const known = this.opened.get(key)
    if (known !== undefined && !known.stop.signal.aborted) return known
    const { openSource } = await import('../../images/transports/index.ts')
    const stop = new AbortController()
    const signal = this.signal === undefined ? stop.signal : AbortSignal.any([this.signal, stop.signal])
    const opened: Opened = { registry: await openSource(this.host, name, { signal }), stop }
    this.opened.set(key, opened)
    this.all.push(opened.registry)
    return opened
  }

  private async within<T>(name: Reference, soon: boolean, ask: () => Promise<T>): Promise<T> {
    if (!soon) return ask()
    const before = this.silent.get(name.registry)
    if (before !== undefined) throw before
    const key = formatReference(name)
    const { stop } = await this.open(name)
    const waited = this.waited.get(key) ?? 0
    const begun = Date.now()
    const patience = this.host.registryPatience ?? usualPatience
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const giveUp = () => {
        const error = new TareError(
          'REGISTRY_UNREACHABLE',
          `cannot read the manifest of ${key}: ${name.registry} did not respond usefully within ${patience / 1000} seconds`,
        )
        stop.abort(error)
        reject(error)
      }
      timer = setTimeout(giveUp, Math.max(0, patience - waited))
    })
    try {
      return await Promise.race([ask(), late])
    } catch (error) {
      if (this.isSilence(error)) this.silent.set(name.registry, error)
      throw error
    } finally {
      clearTimeout(timer)
      this.waited.set(key, waited + Date.now() - begun)
    }
  }
}
