import type { Descriptor, Digest, HistoryEntry } from '../../../oci/index.ts'
import { keepLayers, type RemoteLayer } from './result.ts'
import type { ResultTools, ResultWay } from './result-way.ts'

/** (Docker's API: AuthConfig) */
export type PushLogin = { readonly registrytoken: string } | { readonly username: string; readonly password: string }

/** A push by an engine. */
export interface EnginePush {
  /** With their registries: `registry.example/app`. */
  readonly repositories: readonly string[]
  /** A name in each of them. */
  readonly names: readonly string[]
  /** Why a docker daemon without the containerd image store cannot push it. */
  readonly notByDaemon: string | undefined
  readonly insecure: boolean
  /** Returns the config of the image with these new layers. */
  readonly configOf: (made: readonly RemoteLayer[]) => Uint8Array
  /** Returns how a docker daemon is let in where it pushes this name. */
  readonly login: (name: string) => Promise<PushLogin | undefined>
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
    check: async () => {},
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
