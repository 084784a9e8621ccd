import { randomBytes } from 'node:crypto'
import { Control, gateway } from '../../../buildkit/index.ts'
import { messageOf, TareError } from '../../../support/index.ts'
import type { EngineAddress } from './address.ts'
import { connectEngine, type Engine } from './connect.ts'
import { type EngineFacts, probeEngine } from './probe.ts'

/** What an engine has said when it was asked. */
export interface EngineReport {
  /** `docker 26.1.5`, `buildkitd v0.13.2`. */
  readonly software: string
  readonly workers: readonly string[]
  readonly platforms: readonly string[]
  /** How it can hand over a result. */
  readonly exporters: readonly string[]
  /** What its BuildKit knows, by BuildKit’s names: `mergeop`, `exec.meta.ulimit`. */
  readonly capabilities: readonly string[]
}

// For connecting and asking together.
const time = 5000

/**
 * Asks an engine what it is, without a session: it gets nothing from this machine but the TLS certificate that its address names.
 * Rejects within 5 s with `ENGINE_UNREACHABLE`, `ENGINE_INVALID`, or `CERTIFICATES_INVALID`.
 */
export async function examineEngine(address: EngineAddress, signal?: AbortSignal): Promise<EngineReport> {
  const late = AbortSignal.timeout(time)
  const inTime = AbortSignal.any(signal === undefined ? [late] : [signal, late])
  let engine: Engine | undefined
  try {
    engine = await connectEngine(address, inTime)
    const facts = await probeEngine(engine, inTime)
    return {
      software: await softwareOf(engine, facts, inTime),
      workers: facts.workers,
      platforms: facts.platforms,
      exporters: exportersOf(engine, facts),
      capabilities: await capabilitiesOf(engine, inTime),
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof TareError) throw error
    const why = late.aborted ? `not within ${time / 1000} s` : messageOf(error)
    throw new TareError('ENGINE_INVALID', `${address.text} does not answer as a BuildKit: ${why}`, { cause: error })
  } finally {
    engine?.close()
  }
}

async function softwareOf(engine: Engine, { version }: EngineFacts, signal: AbortSignal): Promise<string> {
  if (!engine.isDaemon) return `buildkitd ${version ?? ''}`.trim()
  const response = await engine.request('GET', '/version', signal)
  let text = ''
  for await (const chunk of response) {
    text += (chunk as Buffer).toString('utf8')
    if (text.length > 1 << 20) break
  }
  const said = /"Version":"([\w.+~-]{1,64})"/.exec(text)?.[1] ?? ''
  return `docker ${said}`.trim()
}

// No call lists them. (BuildKit, worker/base; moby, builder/builder-next/exporter)
function exportersOf({ isDaemon }: Engine, { exportsLayers }: EngineFacts): readonly string[] {
  if (!exportsLayers) return ['moby', 'tar', 'local']
  return [...(isDaemon ? ['moby'] : []), 'image', 'docker', 'oci', 'tar', 'local']
}

/** Only a build may ask: one that is ended before it was told what to build. */
async function capabilitiesOf({ control }: Engine, signal: AbortSignal): Promise<readonly string[]> {
  const ref = randomBytes(16).toString('hex')
  const stop = new AbortController()
  const build = control.unary(Control.method.solve, { ref }, { signal: AbortSignal.any([signal, stop.signal]) })
  const ask = control.unary(
    gateway.LLBBridge.method.ping,
    {},
    { signal, metadata: { 'buildkit-controlapi-buildid': ref } },
  )
  try {
    const failed = build.then(() => {
      throw new Error('it ends a build before it knows what to build')
    })
    const { llbCaps } = await Promise.race([ask, failed])
    return llbCaps.flatMap(({ id, enabled }) => (enabled ? [id] : [])).sort()
  } finally {
    stop.abort(new Error('asked'))
    await Promise.allSettled([build, ask])
  }
}
