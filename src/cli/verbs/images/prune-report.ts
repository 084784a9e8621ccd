import type { PruneResult } from '../../../index.ts'
import type { Context } from '../../command.ts'
import { inputConsent } from '../../input.ts'
import { print } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'

/** Asks before something is removed for good. Everything but a yes is a no. */
export async function confirm(question: string, context: Pick<Context, 'streams' | 'signal'>): Promise<boolean> {
  await print(context.streams, `${question}Are you sure you want to continue? [y/N] `)
  return inputConsent(context)
}

/** What was removed, under a title, and how much room that made. */
export function formatPruned(title: string, { removed, reclaimed }: PruneResult): string {
  const lines = removed.map((removal) =>
    'untagged' in removal ? `untagged: ${removal.untagged}\n` : `deleted: ${removal.deleted}\n`,
  )
  const list = lines.length === 0 ? '' : `${title}:\n${lines.join('')}\n`
  return `${list}Total reclaimed space: ${humanSize(reclaimed)}\n`
}
