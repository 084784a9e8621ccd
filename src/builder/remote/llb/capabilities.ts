import type { SourceRange } from '../../../support/index.ts'
import { TareError } from '../../../support/index.ts'

/** What an engine says it understands: `exec.secretenv`, `mergeop`, … */
export interface EngineCapabilities {
  /** For messages. */
  readonly engine: string
  readonly llb: ReadonlySet<string>
}

// What marshalling refuses for want of these.
const features: readonly (readonly [string, string])[] = [
  ['file.copy.modestring', 'COPY --chmod with letters'],
  ['file.copy.modestring', 'ADD --chown of an archive that does not list all its directories'],
  ['file.copy.includeexcludepatterns', 'COPY --parents and --exclude'],
  ['file.copy.includeexcludepatterns', 'ADD of a zstd archive'],
  ['file.copy.includeexcludepatterns', '--chmod with setuid, setgid or sticky bits'],
  ['exec.meta.ulimit', '--ulimit'],
  ['exec.mount.bind.readwrite-nooutput', 'a writable --mount=type=bind'],
  ['exec.mount.tmpfs.size', 'the size of a --mount=type=tmpfs'],
  ['exec.secretenv', '--mount=type=secret,env='],
]

/** Returns what an engine with these capabilities is too old for. */
export function lackingIn(llb: Iterable<string>): readonly string[] {
  const known = new Set(llb)
  return features.flatMap(([capability, what]) => (known.has(capability) ? [] : [what]))
}

/** Throws `ENGINE_TOO_OLD` if the engine does not know something that an operation needs. */
export function refuseMissing(
  { engine, llb }: EngineCapabilities,
  capability: string,
  what: string,
  where: SourceRange | undefined,
): void {
  if (llb.has(capability)) return
  throw new TareError('ENGINE_TOO_OLD', `${engine} is too old for ${what}: it does not know ${capability}`, {
    where,
    remedy: 'Use a newer BuildKit, or build here: --builder default.',
  })
}
