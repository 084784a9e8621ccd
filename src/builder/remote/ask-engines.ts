import { inParallel, messageOf, TareError } from '../../support/index.ts'
import { configuredEngines, type EngineReport, examineEngine, findBuilders, type NamedEngine } from './engine/index.ts'
import { lackingIn } from './llb/index.ts'

/** An engine, and what it has answered. */
export interface AskedEngine extends EngineReport {
  readonly name: string
  /** Whether it was named, rather than found among those that are configured. */
  readonly wanted: boolean
  readonly works: boolean
  readonly problem?: { readonly what: string; readonly remedy: string } | undefined
  /** What it is too old for. */
  readonly lacks: readonly string[]
}

const silent: EngineReport = { software: '', workers: [], platforms: [], exporters: [], capabilities: [] }

// Each takes at most 5 s.
const atOnce = 64

/** Asks the engines that are configured on this machine, and those that `builder` names, what they are. Rejects only if the signal is aborted. */
export async function askEngines(
  builder: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<readonly AskedEngine[]> {
  const wanted = builder === undefined ? [] : namedBy(builder, environment)
  const known = new Set(wanted.map(({ name }) => name))
  const others = configuredEngines(environment).filter(({ name }) => !known.has(name))
  return inParallel([...wanted, ...others], atOnce, async (engine, place) => {
    const { name } = engine
    const facts = { name, wanted: place < wanted.length }
    try {
      if (engine.problem !== undefined) throw engine.problem
      const report = await examineEngine(engine.address, signal)
      return { ...facts, works: true, ...report, lacks: lackingIn(report.capabilities) }
    } catch (error) {
      signal?.throwIfAborted()
      return { ...facts, works: false, ...silent, lacks: [], problem: problemOf(error) }
    }
  })
}

function namedBy(builder: string, environment: Readonly<Record<string, string | undefined>>): readonly NamedEngine[] {
  try {
    const choice = findBuilders(builder, environment)
    if (choice.kind === 'engine') return [{ name: builder, address: choice.address }]
    if (choice.kind !== 'several') return []
    const engines = choice.builders.flatMap(({ address }) =>
      address === 'local' ? [] : [{ name: address.text, address }],
    )
    // One may be for several platforms.
    return [...new Map(engines.map((engine) => [engine.name, engine])).values()]
  } catch (problem) {
    if (!(problem instanceof TareError)) throw problem
    return [{ name: builder, problem }]
  }
}

function problemOf(error: unknown): { readonly what: string; readonly remedy: string } {
  const remedy = error instanceof TareError ? error.remedy : undefined
  return { what: messageOf(error), remedy: remedy ?? '' }
}
