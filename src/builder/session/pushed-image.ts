import type { Host } from '../../images/index.ts'
import { openRepository, readRemote } from '../../images/transports/index.ts'
import { type Platform, parseReference } from '../../oci/index.ts'

export interface PushedCall {
  readonly insecure: boolean
  readonly signal: AbortSignal
}

/** Reads the documents of an image that somebody else has pushed, `registry.example/app@sha256:…`. */
export async function readPushed(host: Host, name: string, platform: Platform, { insecure, signal }: PushedCall) {
  const reference = parseReference(name)
  const registry = await openRepository(host, reference, { insecure, signal })
  try {
    const { manifest, config } = await readRemote(host, registry, reference, platform)
    return { layers: manifest.layers, diffIds: config.diffIds, history: config.history, rest: config.rest }
  } finally {
    registry.close()
  }
}
