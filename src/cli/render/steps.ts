import type { TareEvent } from '../../index.ts'
import { printable } from '../text/printable.ts'
import { CommandOutput, type OutputLine } from './command-output.ts'

export interface Task {
  readonly name: string
  readonly startedAt: number
  current: number
  total: number | undefined
  at: number
  done: boolean
}

/** The state of a step. */
export interface StepState {
  readonly number: number
  readonly title: string
  readonly startedAt: number
  endedAt: number | undefined
  state: 'running' | 'done' | 'cached' | 'canceled' | 'failed'
  /** Why it failed. */
  message: string
  readonly tasks: Map<string, Task>
  /** The output of its command. */
  readonly output: CommandOutput
}

/** The steps of a build, updated by events. */
export class StepStates {
  readonly all = new Map<number, StepState>()

  /** Updates and returns the event's step, if it has one. */
  take(event: TareEvent): StepState | undefined {
    if (event.type === 'step-started') {
      const { step: number, title, at: startedAt } = event
      const step: StepState = {
        ...{ number, title, startedAt, endedAt: undefined, state: 'running' as const, message: '' },
        ...{ tasks: new Map(), output: new CommandOutput() },
      }
      this.all.set(number, step)
      return step
    }
    if (!('step' in event)) return undefined
    const step = this.all.get(event.step)
    if (step !== undefined) advance(step, event)
    return step
  }
}

function advance(step: StepState, event: Extract<TareEvent, { readonly step: number }>): void {
  switch (event.type) {
    case 'step-progress': {
      const { name, current, total, at, done = false } = event
      const startedAt = step.tasks.get(name)?.startedAt ?? at
      step.tasks.set(name, { name, startedAt, current, total, at, done })
      break
    }
    case 'step-output':
      step.output.take(event.text, event.at)
      break
    case 'step-cached':
      end(step, 'cached', event.at)
      break
    case 'step-done':
      end(step, 'done', event.at)
      break
    case 'step-canceled':
      end(step, 'canceled', event.at)
      break
    case 'step-failed':
      step.message = event.message
      end(step, 'failed', event.at)
      break
  }
}

/** Returns the last `count` lines of a step's output, safe to print. */
export function tail(step: StepState, count: number): readonly OutputLine[] {
  return step.output.tail(count)
}

function end(step: StepState, state: Exclude<StepState['state'], 'running'>, at: number): void {
  step.output.end(at)
  step.state = state
  step.endedAt = at
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Formats sizes like BuildKit: `92B`, `2.05kB`. */
export function formatBytes(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return (unit === 0 ? String(size) : size.toFixed(2)) + units[unit]
}

/** Formats `transferring context: 2.05kB` or `sha256:… 3.15MB / 30.00MB`. */
export function formatTask(task: Task): string {
  const name = task.name.startsWith('transferring ') && !task.name.endsWith(':') ? `${task.name}:` : task.name
  if (task.total) return `${name} ${formatBytes(task.current)} / ${formatBytes(task.total)}`
  return task.current > 0 ? `${name} ${formatBytes(task.current)}` : name
}

/** Formats `1.2s`. */
export function formatSeconds(milliseconds: number): string {
  return `${(Math.max(0, milliseconds) / 1000).toFixed(1)}s`
}

/** Returns the output of failed steps: BuildKit's block before the error. */
export function formatFailures(steps: StepStates): string {
  return [...steps.all.values()]
    .filter(({ state }) => state === 'failed')
    .map((step) => {
      const { title, startedAt } = step
      const lines = tail(step, 100).map(({ text, at }) => `${((at - startedAt) / 1000).toFixed(3)} ${text}\n`)
      return `------\n > ${printable(title)}:\n${lines.join('')}------\n`
    })
    .join('')
}
