import type { SourceRange } from './errors.ts'

/** Progress of a long-running operation. Times are milliseconds since 1970, sizes are bytes. */
export type TareEvent =
  /** A step started. Steps are numbered from 1 in the order they start; `title` follows BuildKit: `[stage-1 2/3] COPY a b`. */
  | { readonly type: 'step-started'; readonly step: number; readonly title: string; readonly at: number }
  /** Bytes a step has moved so far, under a name such as `transferring context`; `total` if known. */
  | {
      readonly type: 'step-progress'
      readonly step: number
      readonly name: string
      readonly current: number
      readonly total?: number
      readonly at: number
      readonly done?: boolean
    }
  /** A line, or part of a line, printed by a step's command. */
  | {
      readonly type: 'step-output'
      readonly step: number
      readonly stream: 'stdout' | 'stderr'
      readonly text: string
      readonly at: number
    }
  /** The step's result came from the cache. Ends the step. */
  | { readonly type: 'step-cached'; readonly step: number; readonly at: number }
  /** Why a step is executed or remembered, if that was asked for. Comes before its end. */
  | {
      readonly type: 'step-explained'
      readonly step: number
      readonly remembered: boolean
      /** In a sentence. */
      readonly why: string
      readonly reasons: readonly StepReason[]
      readonly at: number
    }
  | { readonly type: 'step-done'; readonly step: number; readonly at: number }
  | { readonly type: 'step-canceled'; readonly step: number; readonly at: number }
  | { readonly type: 'step-failed'; readonly step: number; readonly message: string; readonly at: number }
  /** A build check failed: `rule` is one of Docker's (`UndefinedVar`) or tare's own, `url` explains it. */
  | {
      readonly type: 'warning'
      readonly rule: string
      readonly message: string
      readonly url?: string | undefined
      readonly where?: SourceRange | undefined
    }
  /**
   * A layer or another blob is moving to or from a registry, an archive or the store. `current` counts bytes of `phase`; `done` means that the blob
   * has arrived, and `outcome` says how.
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
  /** An image was tagged or written. */
  | { readonly type: 'image'; readonly id: string; readonly name?: string }

/** One thing that is not as it was when a step was last executed. */
export interface StepReason {
  /** `command`, `variable`, `file`, `base`, `flag`, `mount` … */
  readonly kind: string
  /** What it is called: a variable, a file. */
  readonly name?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** The same in a sentence. */
  readonly message: string
}

/** What is being done with a blob: fetched, read from an archive, compressed, sent, or written elsewhere. */
export type TransferPhase = 'downloading' | 'loading' | 'compressing' | 'uploading' | 'copying'

/** `existing`: the destination already had it. `mounted`: the registry took it from another repository. */
export type TransferOutcome = 'transferred' | 'existing' | 'mounted'

/** Is called with each event, while it happens. Must not throw. */
export type Reporter = (event: TareEvent) => void

/** A reporter that does nothing: the default of `report`. */
export const silent: Reporter = () => {}

/** Reports the progress of one blob. */
export interface Transfer {
  /** Passes bytes through and counts them towards the total of `phase`. */
  watch(
    bytes: AsyncIterable<Uint8Array>,
    phase: TransferPhase,
    total: number,
  ): AsyncGenerator<Uint8Array, void, undefined>
  /** Reports that the blob has arrived. */
  done(outcome: TransferOutcome): void
}

// Progress is reported once per megabyte; anything finer is never shown.
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

/** Reports one step. Exactly one of `cached`, `done`, `canceled` and `failed` ends it; later calls are ignored. */
export interface Step {
  readonly id: number
  progress(name: string, current: number, total?: number, done?: boolean): void
  output(stream: 'stdout' | 'stderr', text: string): void
  explained(remembered: boolean, why: string, reasons: readonly StepReason[]): void
  cached(): void
  done(): void
  canceled(): void
  failed(message: string): void
}

/** Numbers steps in the order they start and reports them. */
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
      explained: (remembered, why, reasons) =>
        this.report({ type: 'step-explained', step, remembered, why, reasons, at: Date.now() }),
      cached: () => end(() => ({ type: 'step-cached', step, at: Date.now() })),
      done: () => end(() => ({ type: 'step-done', step, at: Date.now() })),
      canceled: () => end(() => ({ type: 'step-canceled', step, at: Date.now() })),
      failed: (message) => end(() => ({ type: 'step-failed', step, message, at: Date.now() })),
    }
  }
}
