import type { SourceRange } from './errors.ts'

/** What happens while something long runs. Times are milliseconds since 1970; sizes are bytes. */
export type TareEvent =
  /** A step begins. `step` numbers the steps of one build in the order of their beginning, from 1; `title` is as BuildKit's: `[stage-1 2/3] COPY a b`. */
  | { readonly type: 'step-started'; readonly step: number; readonly title: string; readonly at: number }
  /** Bytes that a step has moved so far, under a name such as `transferring context`; `total` where it is known. */
  | {
      readonly type: 'step-progress'
      readonly step: number
      readonly name: string
      readonly current: number
      readonly total?: number
      readonly at: number
      readonly done?: boolean
    }
  /** A line (or part of one) that a step's command has printed. */
  | {
      readonly type: 'step-output'
      readonly step: number
      readonly stream: 'stdout' | 'stderr'
      readonly text: string
      readonly at: number
    }
  /** The step's result was remembered from before: nothing was done. Ends the step. */
  | { readonly type: 'step-cached'; readonly step: number; readonly at: number }
  | { readonly type: 'step-done'; readonly step: number; readonly at: number }
  | { readonly type: 'step-canceled'; readonly step: number; readonly at: number }
  | { readonly type: 'step-failed'; readonly step: number; readonly message: string; readonly at: number }
  /** What a build check found: `rule` is one of Docker's (`UndefinedVar`), `url` explains it. Or what else the user should know, by a rule of our own. */
  | {
      readonly type: 'warning'
      readonly rule: string
      readonly message: string
      readonly url?: string | undefined
      readonly where?: SourceRange | undefined
    }
  /**
   * One layer (or other blob) moves into or out of a registry, an archive or the store. `current` counts the bytes of `phase`; `done`
   * says that the blob is where it should be, and `outcome` how it came there.
   */
  | {
      readonly type: 'transfer'
      readonly digest: string
      readonly phase: TransferPhase
      readonly current: number
      readonly total: number
      readonly done: boolean
      readonly outcome?: TransferOutcome
    }
  /** An image has its name or has been written. */
  | { readonly type: 'image'; readonly id: string; readonly name?: string }

export type TransferPhase = 'downloading' | 'loading' | 'compressing' | 'uploading' | 'copying'

/** `existing`: it was there already. `mounted`: the registry had it elsewhere. */
export type TransferOutcome = 'transferred' | 'existing' | 'mounted'

export type Reporter = (event: TareEvent) => void

export const silent: Reporter = () => {}

/** Reports how far one blob is. */
export interface Transfer {
  /** The bytes, counted as they pass: of the phase's `total`. */
  watch(
    bytes: AsyncIterable<Uint8Array>,
    phase: TransferPhase,
    total: number,
  ): AsyncGenerator<Uint8Array, void, undefined>
  /** The blob is where it should be. */
  done(outcome: TransferOutcome): void
}

// More often than a picture changes, or a megabyte passes, nobody wants to know.
const reportEvery = 1 << 20

export function startTransfer(digest: string, size: number, report: Reporter, phase: TransferPhase): Transfer {
  let now = { phase, current: 0, total: size }
  const tell = (rest: { done: boolean; outcome?: TransferOutcome }) =>
    report({ type: 'transfer', digest, ...now, ...rest })
  return {
    watch: async function* (bytes, phase, total) {
      let told = 0
      now = { phase, current: 0, total }
      tell({ done: false })
      for await (const chunk of bytes) {
        now = { phase, current: now.current + chunk.length, total }
        yield chunk
        if (now.current - told < reportEvery) continue
        told = now.current
        tell({ done: false })
      }
    },
    done: (outcome) => {
      now = { ...now, current: now.total }
      tell({ done: true, outcome })
    },
  }
}

/** Reports one step; exactly one of `cached`, `done`, `canceled` and `failed` ends it, and what comes after is ignored. */
export interface Step {
  readonly id: number
  progress(name: string, current: number, total?: number, done?: boolean): void
  output(stream: 'stdout' | 'stderr', text: string): void
  cached(): void
  done(): void
  canceled(): void
  failed(message: string): void
}

/** Numbers steps in the order of their beginning and reports them. */
export class Steps {
  private readonly report: Reporter
  private count = 0

  constructor(report: Reporter) {
    this.report = report
  }

  start(title: string): Step {
    const step = ++this.count
    let open = true
    const end = (event: () => TareEvent) => {
      if (open) this.report(event())
      open = false
    }
    this.report({ type: 'step-started', step, title, at: Date.now() })
    return {
      id: step,
      progress: (name, current, total, done) =>
        this.report({
          type: 'step-progress',
          step,
          name,
          current,
          at: Date.now(),
          ...(total === undefined ? {} : { total }),
          ...(done === undefined ? {} : { done }),
        }),
      output: (stream, text) => this.report({ type: 'step-output', step, stream, text, at: Date.now() }),
      cached: () => end(() => ({ type: 'step-cached', step, at: Date.now() })),
      done: () => end(() => ({ type: 'step-done', step, at: Date.now() })),
      canceled: () => end(() => ({ type: 'step-canceled', step, at: Date.now() })),
      failed: (message) => end(() => ({ type: 'step-failed', step, message, at: Date.now() })),
    }
  }
}
