import type { CacheFilter, CacheUsageObject } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { printListing } from '../../print-listing.ts'
import { print } from '../../streams.ts'
import { humanAge, humanSize } from '../../text/human.ts'
import { isTable, type Row } from '../../text/listing.ts'
import { formatHelp } from '../images/format-help.ts'

const headings = {
  ...{ ID: 'ID', Type: 'TYPE', Reclaimable: 'RECLAIMABLE', Size: 'SIZE' },
  ...{ LastAccessed: 'LAST ACCESSED', Description: 'DESCRIPTION' },
}

export const builderDu = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: {
    builder: { type: 'string', help: 'Override the configured builder instance', hidden: true },
    filter: {
      type: 'list',
      placeholder: 'filter',
      help: 'Provide filter values ("until=24h", "type=…", "inuse", "id~=…")',
    },
    format: { type: 'string', help: formatHelp },
    verbose: { type: 'bool', help: 'Provide a more verbose output' },
  },
  run: async ({ flags, ...call }) => {
    const tare = await call.open()
    const { objects, total, reclaimable } = await tare.cache.usage({
      filters: flags.filter as readonly CacheFilter[],
      signal: call.signal,
    })
    const now = Date.now()
    const columns = ['ID', 'Type', 'Reclaimable', 'Size', 'LastAccessed', ...(flags.verbose ? ['Description'] : [])]
    await printListing(
      call.streams,
      objects.map((object) => rowOf(object, now, flags.verbose || flags.format !== undefined)),
      { format: flags.format, table: columns.map((name) => `{{.${name}}}`).join('\t'), headings, type: '*du.context' },
    )
    if (isTable(flags.format))
      await print(call.streams, `Reclaimable:\t${humanSize(reclaimable)}\nTotal:\t\t${humanSize(total)}\n`)
    return 0
  },
})

function rowOf({ id, type, description, size, lastUsed, inUse }: CacheUsageObject, now: number, whole: boolean): Row {
  const short = id.replace('sha256:', '')
  return {
    Description: description,
    ID: whole ? id : short.slice(0, 25),
    LastAccessed: humanAge(lastUsed, now),
    Reclaimable: String(!inUse),
    Size: humanSize(size),
    Type: type,
  }
}
