import type { Registry } from '../../content/registry/index.ts'
import { type Descriptor, type Digest, parseReference } from '../../oci/index.ts'
import {
  type Bytes,
  type Reporter,
  silent,
  startTransfer,
  TareError,
  type Transfer,
  type TransferOutcome,
} from '../../support/index.ts'
import { confirmLocation, type Host, repositoriesWith, unpackLimit } from '../index.ts'
import { openSource } from '../transports/index.ts'
import { ingestLayers } from './ingest-image.ts'
import { isDamage, layersAtOnce, openPlain } from './ingest-layers.ts'

export interface FetchCall {
  readonly report?: Reporter | undefined
  readonly signal?: AbortSignal | undefined
}

/** A layer that may exist only in a registry. */
export interface MissingLayer {
  readonly diffId: Digest
  /** Its descriptor in the registry. */
  readonly blob: Descriptor
  /** Repositories to try if no others are known. */
  readonly repositories?: readonly string[] | undefined
}

/** Fetches one layer into the store. Returns its descriptor there. */
export async function fetchLayer(host: Host, layer: MissingLayer, call: FetchCall): Promise<Descriptor> {
  const layers = new MissingLayers(host, call)
  try {
    return (await layers.bring([layer]))[0]!
  } finally {
    layers.close()
  }
}

/** Fetches layers from where they were last seen. Rejects with `LAYER_UNREACHABLE`. */
export class MissingLayers {
  private readonly host: Host
  private readonly call: FetchCall
  private readonly opened = new Map<string, Promise<Registry>>()

  constructor(host: Host, call: FetchCall) {
    this.host = host
    this.call = call
  }

  /** Fetches the layers into the store, once more if a mirror sent corrupt bytes. Returns their descriptors there. */
  async bring(layers: readonly MissingLayer[]): Promise<readonly Descriptor[]> {
    const wanted = layers.map((layer) => {
      const { diffId, blob } = layer
      const transfer = startTransfer(blob.digest, blob.size, this.call.report ?? silent, 'downloading')
      return {
        diffId,
        expected: blob.size * 2,
        open: () => this.open(layer, transfer),
        kept: (outcome: TransferOutcome) => {
          if (outcome === 'transferred') confirmLocation(this.host.store, diffId, blob.digest)
          transfer.done(outcome)
        },
      }
    })
    const work = () => ingestLayers(this.host, wanted, { signal: this.call.signal, atOnce: layersAtOnce })
    try {
      return await work()
    } catch (error) {
      const damage = error instanceof TareError && error.code === 'LAYER_UNREACHABLE' ? error.cause : error
      if (this.call.signal?.aborted || !isDamage(damage) || !(await this.distrust(damage))) throw error
      return work()
    }
  }

  /** Returns the decompressed bytes of a layer. */
  private async open({ diffId, blob, repositories = [] }: MissingLayer, transfer: Transfer): Promise<Bytes> {
    const { store } = this.host
    const { signal } = this.call
    const places = new Set([...repositoriesWith(store, diffId, blob.digest), ...repositories])
    let failure: TareError | undefined
    for (const repository of places) {
      try {
        const registry = await this.registry(repository, blob)
        return await openPlain(registry, blob, transfer, unpackLimit(this.host))
      } catch (error) {
        if (signal?.aborted || !(error instanceof TareError)) throw error
        failure ??= error
      }
    }
    throw new TareError(
      'LAYER_UNREACHABLE',
      `layer ${blob.digest} is not in the store, and cannot be fetched: ${failure?.message ?? 'no registry is known to have it'}`,
      { cause: failure, remedy: failure?.remedy ?? 'Pull or build the image again.' },
    )
  }

  private async distrust(error: unknown): Promise<boolean> {
    const registries = await Promise.all(this.opened.values())
    return registries.filter((registry) => registry.distrust(error)).length > 0
  }

  private registry(repository: string, { digest }: Descriptor): Promise<Registry> {
    let registry = this.opened.get(repository)
    if (registry === undefined) {
      registry = openSource(this.host, { ...parseReference(repository), digest }, { signal: this.call.signal })
      this.opened.set(repository, registry)
    }
    return registry
  }

  close(): void {
    for (const opened of this.opened.values())
      opened.then(
        (registry) => registry.close(),
        () => {},
      )
  }
}
