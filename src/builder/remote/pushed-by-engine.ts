import type { Descriptor, Digest, HistoryEntry } from '../../oci/index.ts'
import { keepLayers } from './result.ts'
import type { ResultTools, ResultWay } from './results.ts'

/** A push by an engine. */
export interface EnginePush {
  /** With their registries: `registry.example/app`. */
  readonly repositories: readonly string[]
  readonly insecure: boolean
  /** Reads the documents of an image that was pushed to the first of them. */
  readonly read: (digest: string) => Promise<{
    readonly layers: readonly Descriptor[]
    readonly diffIds: readonly Digest[]
    readonly history: readonly HistoryEntry[]
    readonly rest: Readonly<Record<string, unknown>>
  }>
  /** Called with each layer that is in the repositories now. */
  readonly leave: (diffId: Digest, blob: Descriptor) => void
  /** Called with why it is pushed from here after all. */
  readonly instead: (reason: string) => void
}

/**
 * The engine pushes the layers, in an image without a tag. Only its documents are read: the image that gets the tags is assembled
 * here, of these layers.
 */
export function pushedByEngine({ host, expected, signal }: ResultTools, push: EnginePush): ResultWay {
  return {
    exporter: {
      type: 'image',
      attrs: {
        name: push.repositories.join(','),
        push: 'true',
        'push-by-digest': 'true',
        'oci-mediatypes': 'true',
        // The engine's own store gets no image.
        store: 'false',
        ...(push.insecure ? { 'registry.insecure': 'true' } : {}),
      },
    },
    handlers: [],
    begin: async () => {},
    finish: async (response) => {
      const { layers, diffIds, history, rest } = await push.read(response['containerimage.digest'] ?? '')
      const image = {
        configuration: { history, rest },
        layers: layers.map((blob, i) => ({ diffId: diffIds[i]!, blob })),
      }
      const kept = await keepLayers(host, image, expected, signal)
      for (const { diffId, blob } of kept) if (blob !== undefined) push.leave(diffId, blob)
      return kept
    },
    close: async () => {},
  }
}
