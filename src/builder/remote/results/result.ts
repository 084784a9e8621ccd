import type { SnapshotLayer } from '../../../content/layers/index.ts'
import type { Host } from '../../../images/index.ts'
import { ingestLayer } from '../../../images/ingest/index.ts'
import type { Descriptor, Digest, HistoryEntry } from '../../../oci/index.ts'
import { type Bytes, sha256, TareError } from '../../../support/index.ts'

/** What the image of a result must be like. */
export interface Expected {
  /** For messages. */
  readonly engine: string
  /** The layers of the base, as far as they are known. */
  readonly base: readonly (Digest | undefined)[]
  /** Blobs of the base in its registry, which need not come back. */
  readonly baseBlobs: ReadonlySet<string>
  /** How many new layers are on top of them. */
  readonly made: number
  /** Called with the cache in the image's config; undefined if none is wanted. */
  readonly inline?: ((value: unknown) => void) | undefined
  /** When a layer was made, if nobody says. */
  readonly now: () => Date
}

/** A layer that an engine has made: in the store, or with the blob that a registry has. */
export interface RemoteLayer extends SnapshotLayer {
  readonly created: string
}

/** (BuildKit, cache/remotecache/inline) */
export const inlineMember = 'moby.buildkit.cache.v0'

/** An image that an engine has made. */
export interface ReturnedImage {
  readonly configuration: {
    readonly history: readonly HistoryEntry[]
    readonly rest?: Readonly<Record<string, unknown>> | undefined
  }
  readonly layers: readonly {
    readonly diffId: Digest
    /** Approximate size in bytes. */
    readonly size?: number
    /** Undefined if it was not sent, because the store has it, or because it is of the base. */
    readonly open?: () => Promise<Bytes>
    /** Where it stays in registries: what it is there. */
    readonly blob?: Descriptor
  }[]
}

/** Returns one entry for each layer of the base, and for each new one: what the engine completes, and answers with times. */
export function historyFor({ base, made }: Expected): readonly Readonly<Record<string, string>>[] {
  return [
    ...base.map((_, i) => ({ created: '1970-01-01T00:00:00Z', created_by: `base ${i}` })),
    ...Array.from({ length: made }, (_, i) => ({ created_by: `layer ${i}` })),
  ]
}

/** Stores the new layers of an image that an engine has made. Rejects with `ENGINE_INVALID` if it is not what was asked for. */
export async function keepLayers(
  host: Host,
  image: ReturnedImage,
  expected: Expected,
  signal: AbortSignal,
): Promise<readonly RemoteLayer[]> {
  const all = matchLayers(image, expected)
  const inline = image.configuration.rest?.[inlineMember]
  if (inline !== undefined) expected.inline?.(inline)
  const kept: RemoteLayer[] = []
  for (const { layer, created } of all.slice(expected.base.length)) {
    const when = created ?? expected.now().toISOString()
    if (layer?.blob !== undefined) {
      kept.push({ diffId: layer.diffId, blob: layer.blob, created: when })
      continue
    }
    const open =
      layer === undefined ? async () => emptyLayer() : (layer.open ?? (() => notSent(layer.diffId, expected)))
    const diffId = layer === undefined ? sha256(emptyTar) : layer.diffId
    const { size } = await ingestLayer(host, diffId, open, signal, layer?.size)
    kept.push({ diffId, size, created: when })
  }
  return kept
}

export interface Matched {
  /** Undefined for one that the engine left out because it is empty. */
  readonly layer: ReturnedImage['layers'][number] | undefined
  readonly created: string | undefined
}

/** An engine may leave out empty layers, and then says so in the history. */
export function matchLayers({ configuration, layers }: ReturnedImage, expected: Expected): readonly Matched[] {
  const { history = [] } = configuration
  const count = expected.base.length + expected.made
  const refuse = (why: string) =>
    new TareError(
      'ENGINE_INVALID',
      `the engine ${expected.engine} returned another image than it was asked for: ${why}`,
      {
        remedy: 'Nothing was kept. Please report this, with the versions of tare and of the engine.',
      },
    )
  if (history.length !== count) throw refuse(`${history.length} entries of history instead of ${count}`)
  let next = 0
  const matched = history.map((entry, i): Matched => {
    const said = /^(base|layer) (\d+)$/.exec(entry.created_by ?? '')
    const number = i < expected.base.length ? i : i - expected.base.length
    if (said === null || Number(said[2]) !== number)
      throw refuse(`an unknown entry of history, ${JSON.stringify(entry.created_by)}`)
    return { layer: entry.empty_layer === true ? undefined : layers[next++], created: entry.created }
  })
  if (next !== layers.length) throw refuse(`${layers.length} layers instead of ${next}`)
  for (const [i, diffId] of expected.base.entries())
    if (diffId !== undefined && (matched[i]!.layer?.diffId ?? sha256(emptyTar)) !== diffId)
      throw refuse(`layer ${i} of the base is ${matched[i]!.layer?.diffId}, not ${diffId}`)
  return matched
}

function notSent(diffId: Digest, { engine }: Expected): never {
  throw new TareError('ENGINE_INVALID', `the engine ${engine} did not send the layer ${diffId}`, {
    remedy: 'Nothing was kept. Build again.',
  })
}

const emptyTar = Buffer.alloc(1024)

async function* emptyLayer(): Bytes {
  yield emptyTar
}
