import type { DiskUsageLine } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { printListing } from '../../print-listing.ts'
import { humanSize } from '../../text/human.ts'
import type { Row } from '../../text/listing.ts'
import { formatHelp } from '../images/format-help.ts'

const headings = {
  ...{ Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' },
}

export const systemDf = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: {
    format: { type: 'string', help: formatHelp },
    verbose: { type: 'bool', short: 'v', help: 'Show detailed information on space usage', notYet: true },
  },
  run: async ({ flags, ...call }) => {
    const tare = await call.open()
    const lines = await tare.diskUsage({ signal: call.signal })
    await printListing(call.streams, lines.map(usageRow), {
      format: flags.format,
      table: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
      headings,
      type: '*formatter.diskUsageImagesContext',
    })
    return 0
  },
})

function usageRow(line: DiskUsageLine): Row {
  const share = line.size > 0 ? ` (${Math.trunc((line.reclaimable * 100) / line.size)}%)` : ''
  return {
    Active: String(line.active),
    // docker prints no percentage for the build cache.
    Reclaimable: humanSize(line.reclaimable) + (line.type === 'Build Cache' ? '' : share),
    Size: humanSize(line.size),
    TotalCount: String(line.total),
    Type: line.type,
  }
}
