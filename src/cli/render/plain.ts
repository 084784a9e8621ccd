import type { TareEvent } from '../../index.ts'
import { printable } from '../text/printable.ts'
import type { Progress, ProgressOutput } from './renderer.ts'
import { formatFailures, formatSeconds, formatTask, type StepState, StepStates, tail } from './steps.ts'

/** Milliseconds between two progress lines of an unfinished task. */
const taskPause = 5000
/** After this many milliseconds without output, a step lets others print. */
const idleTimeout = 1000

/**
 * Prints lines for logs in BuildKit's form. One step prints at a time: the lines of others are held back until it ends or falls
 * silent, so that each step's lines stay together.
 */
export function plainProgress({ write, now }: Pick<ProgressOutput, 'write' | 'now'>): Progress {
  const steps = new StepStates()
  const held = new Map<StepState, string[]>()
  const told = new Map<StepState, number>()
  const spokenAt = new Map<string, number>()
  let speaker: StepState | undefined
  let lastWord = 0
  let empty = true

  const speak = (step: StepState): void => {
    const lines = held.get(step) ?? []
    held.delete(step)
    if (speaker !== step) {
      const interrupted = speaker === undefined ? '' : `#${speaker.number} ...\n`
      write(`${interrupted}${empty ? '' : '\n'}#${step.number} ${printable(step.title)}\n`)
      empty = false
    }
    write(lines.join(''))
    speaker = step.state === 'running' ? step : undefined
    lastWord = now()
  }

  const flush = (): void => {
    if (speaker !== undefined && held.has(speaker)) speak(speaker)
    if (speaker !== undefined && now() - lastWord < idleTimeout) return
    // Steps that have ended come first, each completely. Of the others only one may print.
    const waiting = [...held.keys()].sort((a, b) => Number(a.state === 'running') - Number(b.state === 'running'))
    for (const step of waiting) {
      speak(step)
      if (step.state === 'running') return
    }
  }

  const report = (event: TareEvent): void => {
    const step = steps.take(event)
    if (step === undefined) return
    const fresh = tail(step, step.output.count - (told.get(step) ?? 0)).map(({ text, at }) => {
      return `#${step.number} ${((at - step.startedAt) / 1000).toFixed(3)} ${text}\n`
    })
    told.set(step, step.output.count)
    const line = lineOf(event, step, spokenAt)
    const lines = line === undefined ? fresh : [...fresh, `#${step.number} ${line}\n`]
    if (lines.length > 0 || event.type === 'step-started') held.set(step, [...(held.get(step) ?? []), ...lines])
    flush()
  }

  const timer = setInterval(flush, idleTimeout)
  timer.unref()
  return {
    report,
    interject: (text) => {
      write(`${empty ? '' : '\n'}${text}\n`)
      speaker = undefined
      empty = true
    },
    finish: () => {
      clearInterval(timer)
      for (const step of [...held.keys()]) speak(step)
      write(formatFailures(steps))
    },
  }
}

/** Returns the line for an event, if it has one. */
function lineOf(event: TareEvent, step: StepState, spokenAt: Map<string, number>): string | undefined {
  switch (event.type) {
    case 'step-progress': {
      const key = `${step.number} ${event.name}`
      if (!event.done && event.at - (spokenAt.get(key) ?? step.startedAt) < taskPause) return undefined
      spokenAt.set(key, event.at)
      const task = step.tasks.get(event.name)!
      const took = event.at - task.startedAt
      return `${printable(formatTask(task))}${took > 10 ? ` ${formatSeconds(took)}` : ''}${event.done ? ' done' : ''}`
    }
    case 'step-cached':
      return 'CACHED'
    case 'step-done':
      return `DONE ${formatSeconds(event.at - step.startedAt)}`
    case 'step-canceled':
      return 'CANCELED'
    case 'step-failed':
      return `ERROR: ${printable(event.message)}`
    default:
      return undefined
  }
}
