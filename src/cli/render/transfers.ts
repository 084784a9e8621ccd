import type { Reporter, TareEvent } from '../../index.ts'
import { humanSize } from '../text/human.ts'
import { printable } from '../text/printable.ts'
import { fitWidth } from '../text/width.ts'
import { frame, LivePicture } from './live-picture.ts'
import type { ProgressOutput } from './renderer.ts'

type Transfer = Extract<TareEvent, { readonly type: 'transfer' }>

/** A verb's words for how a layer arrived. */
export type Outcomes = Readonly<Record<NonNullable<Transfer['outcome']>, string>>

export const pulled: Outcomes = { transferred: 'Pull complete', existing: 'Already exists', mounted: 'Already exists' }
export const pushed: Outcomes = { transferred: 'Pushed', existing: 'Layer already exists', mounted: 'Mounted' }
export const loaded: Outcomes = { transferred: 'Loaded', existing: 'Already exists', mounted: 'Already exists' }
export const copied: Outcomes = { transferred: 'Copied', existing: 'Already exists', mounted: 'Mounted' }

const phases: Readonly<Record<Transfer['phase'], string>> = {
  ...{ downloading: 'Downloading', loading: 'Loading layer', compressing: 'Compressing' },
  ...{ uploading: 'Pushing', copying: 'Copying' },
}

export interface Transfers {
  readonly report: Reporter
  /** Ends: leaves the last frame on the terminal. */
  finish(): void
}

/** Shows layers like docker: a live line for each on a terminal, otherwise a line for each when it has arrived. */
export function showTransfers(output: ProgressOutput, outcomes: Outcomes): Transfers {
  const live = output.isTerminal && output.env['TERM'] !== 'dumb'
  return live ? liveTransfers(output, outcomes) : plainTransfers(output, outcomes)
}

function plainTransfers({ write }: ProgressOutput, outcomes: Outcomes): Transfers {
  const told = new Set<string>()
  return {
    report: (event) => {
      if (event.type !== 'transfer' || !event.done || told.has(event.digest)) return
      told.add(event.digest)
      write(`${formatTransfer(event, outcomes, 0)}\n`)
    },
    finish: () => {},
  }
}

function liveTransfers(output: ProgressOutput, outcomes: Outcomes): Transfers {
  const all = new Map<string, Transfer>()
  const picture = new LivePicture(output)
  const draw = (final: boolean): void => {
    const { columns, rows } = output.size()
    const lines = shownTransfers([...all.values()], final ? undefined : rows - 1)
    picture.draw(
      lines.map((transfer) => fitWidth(formatTransfer(transfer, outcomes, columns), columns - 1).trimEnd()),
      final,
    )
  }
  const timer = setInterval(() => {
    if (all.size > 0) draw(false)
  }, frame)
  timer.unref()
  return {
    report: (event) => {
      if (event.type !== 'transfer' || all.get(event.digest)?.done) return
      all.set(event.digest, event)
      if (output.now() - picture.drawnAt >= frame) draw(false)
    },
    finish: () => {
      clearInterval(timer)
      if (all.size > 0) draw(true)
      picture.close()
    },
  }
}

/** Returns those that fit the window's height: finished ones are dropped first, oldest first. */
function shownTransfers(all: readonly Transfer[], rows: number | undefined): readonly Transfer[] {
  let over = rows === undefined ? 0 : all.length - rows
  const kept = all.filter(({ done }) => !(done && over-- > 0))
  return rows === undefined ? kept : kept.slice(0, Math.max(0, rows))
}

/** docker shows a bar in wider windows. */
const wideEnough = 110

/** Formats `31d2fbb1a35f: Downloading [====>      ]  1.05MB/8.4MB`. */
export function formatTransfer(transfer: Transfer, outcomes: Outcomes, columns: number): string {
  const { digest, phase, current, total, done, outcome = 'transferred' } = transfer
  const id = printable(digest.replace(/^sha256:/, '').slice(0, 12))
  if (done) return `${id}: ${outcomes[outcome]}`
  const bytes = total > 0 ? `${humanSize(current)}/${humanSize(total)}` : humanSize(current)
  const bar = columns > wideEnough && total > 0 ? `${formatBar(Math.min(1, current / total))} ` : ''
  return `${id}: ${phases[phase]} ${bar} ${bytes}`
}

function formatBar(share: number): string {
  const filled = Math.trunc(share * 50)
  return `[${'='.repeat(filled)}>${' '.repeat(50 - filled)}]`
}
