import type { StepReason, TareEvent } from '../../../index.ts'
import { printable } from '../../text/printable.ts'

/** Why a step was executed, as --metadata-file has it. */
export interface ExplainedStep {
  readonly step: string
  readonly remembered: boolean
  readonly why: string
  readonly reasons: readonly StepReason[]
}

/** What --explain has found out. */
export interface Explanations {
  take(event: TareEvent): void
  steps(): readonly ExplainedStep[]
  /** For a person: a line for each step, and one for each reason. */
  text(): string
}

export function collectExplanations(): Explanations {
  const titles = new Map<number, string>()
  // A step that was tried again counts once.
  const explained = new Map<string, ExplainedStep>()
  return {
    take: (event) => {
      if (event.type === 'step-started') titles.set(event.step, event.title)
      if (event.type !== 'step-explained') return
      const { remembered, why, reasons } = event
      const step = titles.get(event.step) ?? ''
      explained.delete(step)
      explained.set(step, { step, remembered, why, reasons })
    },
    steps: () => [...explained.values()],
    text: () => {
      if (explained.size === 0) return ''
      const blocks = [...explained.values()].map(({ step, remembered, why, reasons }) => {
        const told = remembered ? [why] : reasons.map(({ message }) => message)
        return ` ${remembered ? '=' : '!'} ${printable(step)}\n${told.map((line) => `     ${printable(line)}\n`).join('')}`
      })
      return `\nWhy (= remembered, ! executed):\n${blocks.join('')}`
    },
  }
}
