import type { Tare } from '../index.ts'
import type { FlagTable, ParsedFlags, Values } from './flags.ts'
import type { Streams } from './streams.ts'

/** What a verb gets besides its flags and arguments. */
export interface VerbContext {
  readonly env: NodeJS.ProcessEnv
  readonly streams: Streams
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Leaves signals to the verb; `signal` is not aborted any more. */
  takeSignals(): void
  /** `-D`: show more details. */
  readonly debug: boolean
  /** How the verb was called: `tare image ls`. */
  readonly name: string
  /** Opens the library, which is loaded only now. */
  open(): Promise<Tare>
  /** Milliseconds since 1970. */
  now(): number
}

export interface Call<T extends FlagTable = FlagTable> extends VerbContext {
  readonly args: readonly string[]
  readonly flags: Values<T>
  readonly given: ReadonlySet<string>
}

/** A verb of the command line: one table for parsing, help and "did you mean". */
export interface Verb<T extends FlagTable = FlagTable> {
  /** What follows the name in the usage line: `[OPTIONS] IMAGE [IMAGE...]`. */
  readonly usage: string
  /** Additional help text. */
  readonly about?: string
  readonly flags: T
  /** The number of arguments it takes. */
  readonly args: { readonly least: number; readonly most: number }
  /** The first argument ends the flags: the rest is meant for something else. */
  readonly flagsFirst?: true
  /** The file given by `--authfile` need not exist. */
  readonly makesLogins?: true
  /** What it exits with when it failed, where 1 is an answer: a difference, a finding. Default: 1. */
  readonly failsWith?: 2
  /** Resolves to the exit code. */
  run(call: Call<T>): Promise<number>
}

/** A verb whose flag types are known only to `run`. */
export interface AnyVerb {
  readonly usage: string
  readonly about?: string
  readonly flags: FlagTable
  readonly args: Verb['args']
  readonly flagsFirst: boolean
  readonly makesLogins: boolean
  readonly failsWith: 1 | 2
  start(context: VerbContext, parsed: ParsedFlags<FlagTable>): Promise<number>
}

export function defineVerb<const T extends FlagTable>(verb: Verb<T>): AnyVerb {
  return {
    usage: verb.usage,
    ...(verb.about === undefined ? {} : { about: verb.about }),
    flags: verb.flags,
    args: verb.args,
    flagsFirst: verb.flagsFirst === true,
    makesLogins: verb.makesLogins === true,
    failsWith: verb.failsWith ?? 1,
    start: (context, parsed) => {
      const { values, given, args } = parsed as unknown as ParsedFlags<T>
      return verb.run({
        ...context,
        open: () => context.open(),
        now: () => context.now(),
        takeSignals: () => context.takeSignals(),
        flags: values,
        given,
        args,
      })
    },
  }
}
