import type { SourceRange } from './errors.ts'

/** What happens while something long runs. Times are milliseconds since 1970; sizes are bytes. */
export type Event =
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
  /** One blob moves in or out of an archive or a store. */
  | {
      readonly type: 'transfer'
      readonly digest: string
      readonly current: number
      readonly total: number
      readonly done: boolean
    }
  /** An image has its name or has been written. */
  | { readonly type: 'image'; readonly id: string; readonly name?: string }

export type Reporter = (event: Event) => void

export const silent: Reporter = () => {}

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
    const end = (event: () => Event) => {
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
