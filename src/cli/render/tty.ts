import { printable, withoutColors } from '../text/printable.ts'
import { fitWidth, textWidth } from '../text/width.ts'
import { frame, LivePicture } from './live-picture.ts'
import type { Progress, ProgressOutput } from './renderer.ts'
import { formatFailures, formatSeconds, formatTask, type StepState, StepStates, tail } from './steps.ts'

/** How many lines of a running step's output are shown. */
const shownLines = 6

const colors: Readonly<Record<StepState['state'], string>> = {
  ...{ running: '', done: '\x1b[34m', cached: '\x1b[34m', canceled: '\x1b[33m', failed: '\x1b[31m' },
}

/** A live view of a build in BuildKit's form. */
export function ttyProgress(output: ProgressOutput): Progress {
  const steps = new StepStates()
  const startedAt = output.now()
  const colored = (output.env['NO_COLOR'] ?? '') === ''
  const live = new LivePicture(output)

  const draw = (final: boolean): void => {
    const { columns, rows } = output.size()
    const canvas = { startedAt, now: output.now(), final, colored }
    // The last column stays empty: some terminals wrap as soon as it is written.
    live.draw(paint(steps, { ...canvas, columns: columns - 1, rows: final ? undefined : rows - 1 }), final)
  }

  const timer = setInterval(() => draw(false), frame)
  timer.unref()
  return {
    report: (event) => {
      if (steps.take(event) !== undefined && output.now() - live.drawnAt >= frame) draw(false)
    },
    interject: (text) => {
      live.interject(`${text}\n`)
      draw(false)
    },
    finish: () => {
      clearInterval(timer)
      if (steps.all.size > 0) draw(true)
      output.write(formatFailures(steps))
      live.close()
    },
  }
}

interface Canvas {
  readonly columns: number
  /** Undefined: unlimited. */
  readonly rows: number | undefined
  readonly startedAt: number
  readonly now: number
  readonly final: boolean
  readonly colored: boolean
}

/** Returns the lines of a frame. If the window is too low, the oldest finished steps are dropped first. */
export function paint(steps: StepStates, canvas: Canvas): readonly string[] {
  const all = [...steps.all.values()]
  const ended = all.filter(({ state }) => state !== 'running').length
  const finished = canvas.final && ended === all.length ? ' FINISHED' : ''
  const took = formatSeconds(canvas.now - canvas.startedAt)
  const header = `[+] Building ${took} (${ended}/${all.length})${finished}`
  const blocks = all.map((step) => ({ running: step.state === 'running', lines: paintStep(step, canvas) }))
  let over = canvas.rows === undefined ? 0 : 1 + blocks.reduce((sum, { lines }) => sum + lines.length, 0) - canvas.rows
  const kept = blocks.filter(({ running, lines }) => {
    if (over <= 0 || running) return true
    over -= lines.length
    return false
  })
  const body = kept.flatMap(({ lines }) => lines)
  return [fitWidth(header, canvas.columns).trimEnd(), ...(over > 0 ? body.slice(over) : body)]
}

function paintStep(step: StepState, canvas: Canvas): readonly string[] {
  const end = step.endedAt ?? canvas.now
  const mark = { running: '', done: '', cached: 'CACHED ', canceled: 'CANCELED ', failed: 'ERROR ' }[step.state]
  const color = canvas.colored ? colors[step.state] : ''
  const lines = [paintLine(` => ${mark}${oneLine(step.title)}`, end - step.startedAt, canvas, color)]
  for (const task of step.tasks.values()) {
    const until = task.done || step.endedAt !== undefined ? task.at : canvas.now
    lines.push(paintLine(` => => ${oneLine(formatTask(task))}`, until - task.startedAt, canvas, color))
  }
  if (step.state !== 'running') return lines
  return [...lines, ...tail(step, shownLines).map(({ text }) => paintOutput(text, canvas))]
}

function paintLine(text: string, took: number, { columns }: Canvas, color: string): string {
  const timer = ` ${formatSeconds(took)}`
  const line = fitWidth(text, Math.max(0, columns - textWidth(timer))) + timer
  return color === '' ? line : `${color}${line}\x1b[0m`
}

/** Returns what a terminal would show of a line with `\r`, cut to the window's width. */
function paintOutput(text: string, { columns, colored }: Canvas): string {
  const line = text
    .replace(/\r+(?=(?:\x1b\[[\d;:]*m)*$)/, '')
    .split('\r')
    .at(-1)!
  return fitWidth(` => => # ${(colored ? line : withoutColors(line)).replaceAll('\t', '    ')}`, columns).trimEnd()
}

function oneLine(text: string): string {
  return printable(text.replaceAll('\t', ' '))
}
