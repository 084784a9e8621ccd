import type { ImageFilter } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { print } from '../../streams.ts'
import { confirm, formatPruned } from './prune-report.ts'

export const prune = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Remove all images, not just dangling ones' },
    filter: { type: 'list', placeholder: 'filter', help: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
  },
  run: async ({ flags, ...call }) => {
    const what = flags.all ? 'all images' : 'all dangling images'
    if (!flags.force && !(await confirm(`WARNING! This will remove ${what}.\n`, call))) return 0
    const tare = await call.open()
    const result = await tare.images.prune({
      all: flags.all,
      filters: flags.filter as readonly ImageFilter[],
      signal: call.signal,
    })
    await print(call.streams, formatPruned('Deleted Images', result))
    return 0
  },
})
