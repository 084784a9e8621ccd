import { Control } from '../../../buildkit/index.ts'
import { GrpcError, statusCodes } from '../../../net/grpc/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Engine } from './connect.ts'

/** What an engine is. */
export interface EngineFacts {
  /** BuildKit's own, if it tells: `v0.13.2`. */
  readonly version?: string | undefined
  readonly workers: readonly string[]
  readonly platforms: readonly string[]
  /** Whether it can hand over layers as they are; otherwise results come as images of its daemon. */
  readonly exportsLayers: boolean
  /** The address that `host-gateway` stands for. */
  readonly gateway?: string | undefined
}

/** Whether a value that was stored is what an engine is. */
export function isFacts(value: unknown): value is EngineFacts {
  const { workers, platforms, exportsLayers, gateway } = (value ?? {}) as Partial<EngineFacts>
  const areTexts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === 'string')
  return (
    areTexts(workers) &&
    areTexts(platforms) &&
    typeof exportsLayers === 'boolean' &&
    typeof (gateway ?? '') === 'string'
  )
}

/** Whether builds on an engine that is this and on one that is that are done alike. */
export function isAlike(a: EngineFacts, b: EngineFacts): boolean {
  return a.exportsLayers === b.exportsLayers && a.gateway === b.gateway
}

/** Asks an engine what it is. Rejects with `ENGINE_INVALID`. */
export async function probeEngine({ control, name }: Engine, signal: AbortSignal): Promise<EngineFacts> {
  const settings = { signal, timeout: 10_000 }
  try {
    const [{ record }, version] = await Promise.all([
      control.unary(Control.method.listWorkers, {}, settings),
      control.unary(Control.method.info, {}, settings).catch((error: unknown) => {
        if (error instanceof GrpcError && error.code === statusCodes.unimplemented) return undefined
        throw error
      }),
    ])
    const labels = record.flatMap((worker) => Object.entries(worker.labels))
    const known = version?.buildkitVersion?.version ?? ''
    return {
      version: known === '' || known.startsWith('v0.0.0') ? undefined : known,
      workers: record.map(({ id }) => id),
      platforms: [
        ...new Set(
          record.flatMap(({ platforms }) =>
            platforms.map(({ os, architecture, variant }) => [os, architecture, variant].filter(Boolean).join('/')),
          ),
        ),
      ],
      // A docker daemon with its old image store is a worker without a snapshotter of its own.
      exportsLayers: labels.some(([key]) => key.endsWith('.snapshotter')),
      gateway: labels.find(([key]) => key.endsWith('.host-gateway-ip'))?.[1],
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof GrpcError)) throw error
    throw new TareError('ENGINE_INVALID', `${name} does not answer as a BuildKit: ${error.message}`, {
      cause: error,
      remedy: 'It must be a buildkitd, or a docker daemon of version 20.10 or later.',
    })
  }
}
