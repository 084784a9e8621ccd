import type { HistoryLine } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { printListing } from '../../print-listing.ts'
import { print } from '../../streams.ts'
import { humanAge, humanSize } from '../../text/human.ts'
import type { Row } from '../../text/listing.ts'
import { rfc3339 } from '../../text/local-time.ts'
import { formatHelp } from './format-help.ts'
import { shortId } from './images.ts'

const headings = {
  ...{ ID: 'IMAGE', CreatedSince: 'CREATED', CreatedAt: 'CREATED AT', CreatedBy: 'CREATED BY' },
  ...{ Size: 'SIZE', Comment: 'COMMENT' },
}

export const history = defineVerb({
  usage: '[OPTIONS] IMAGE',
  args: { least: 1, most: 1 },
  flags: {
    format: { type: 'string', help: formatHelp },
    human: { type: 'bool', short: 'H', help: 'Print sizes and dates in human readable format', default: true },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    platform: { type: 'string', help: 'Show history for the given platform', notYet: true },
    quiet: { type: 'bool', short: 'q', help: 'Only show image IDs' },
  },
  run: async ({ args, flags, ...call }) => {
    const tare = await call.open()
    const lines = await tare.images.history(args[0]!, { signal: call.signal })
    const now = call.now()
    const rows = lines.map((line) => historyRow(line, now, flags))
    if (flags.quiet && (flags.format === undefined || flags.format === 'table'))
      await print(call.streams, rows.map(({ ID }) => `${ID}\n`).join(''))
    else
      await printListing(call.streams, rows, {
        format: flags.format,
        table: `{{.ID}}\t{{.${flags.human ? 'CreatedSince' : 'CreatedAt'}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
        headings,
        type: '*formatter.historyContext',
      })
    return 0
  },
})

interface HistoryFlags {
  readonly human: boolean
  readonly 'no-trunc': boolean
}

function historyRow(line: HistoryLine, now: number, flags: HistoryFlags): Row {
  const createdBy = line.createdBy.replaceAll('\t', ' ')
  return {
    Comment: line.comment,
    CreatedAt: rfc3339(line.created),
    CreatedBy: flags['no-trunc'] ? createdBy : ellipsis(createdBy, 45),
    CreatedSince: humanAge(line.created, now),
    ID: line.id.startsWith('<') ? line.id : shortId(line.id, flags['no-trunc']),
    Size: flags.human ? humanSize(line.size, 3) : String(line.size),
  }
}

function ellipsis(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}
