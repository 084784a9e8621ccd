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
  /** A build check found something: `rule` is one of Docker's (`UndefinedVar`), `url` explains it. */
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
