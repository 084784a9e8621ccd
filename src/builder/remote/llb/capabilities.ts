import type { SourceRange } from '../../../support/index.ts'
import { TareError } from '../../../support/index.ts'

/** What an engine says it understands: `exec.secretenv`, `mergeop`, … */
export interface EngineCapabilities {
  /** For messages. */
  readonly engine: string
  readonly llb: ReadonlySet<string>
}

/** Throws `ENGINE_TOO_OLD` if the engine does not know something that an operation needs. */
export function refuseMissing(
  { engine, llb }: EngineCapabilities,
  capability: string,
  what: string,
  where: SourceRange | undefined,
): void {
  if (llb.has(capability)) return
  throw new TareError('ENGINE_TOO_OLD', `${engine} cannot do ${what}: it does not know ${capability}`, {
    where,
    remedy: 'Use a newer BuildKit, or build here: --builder default.',
  })
}
