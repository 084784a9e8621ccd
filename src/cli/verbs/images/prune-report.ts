import type { PruneResult } from '../../../index.ts'
import type { VerbContext } from '../../command.ts'
import { inputConsent } from '../../input.ts'
import { print } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'

/** Asks before something is deleted. Anything but a yes means no. */
export async function confirm(question: string, context: Pick<VerbContext, 'streams' | 'signal'>): Promise<boolean> {
  await print(context.streams, `${question}Are you sure you want to continue? [y/N] `)
  return inputConsent(context)
}

/** Formats what was removed, under a title, and how much space that freed. */
export function formatPruned(title: string, { removed, reclaimed }: PruneResult): string {
  const lines = removed.map((removal) =>
    'untagged' in removal ? `untagged: ${removal.untagged}\n` : `deleted: ${removal.deleted}\n`,
  )
  const list = lines.length === 0 ? '' : `${title}:\n${lines.join('')}\n`
  return `${list}Total reclaimed space: ${humanSize(reclaimed)}\n`
}
