import { defineVerb } from '../../command.ts'
import { print } from '../../streams.ts'
import { confirm, formatPruned } from '../images/prune-report.ts'

export const builderPrune = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Remove all unused build cache, not just dangling ones' },
    builder: { type: 'string', help: 'Override the configured builder instance', hidden: true },
    filter: { type: 'list', placeholder: 'filter', help: 'Provide filter values (e.g. "until=24h")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
    'keep-storage': { type: 'bytes', help: 'Amount of disk space to keep for cache', notYet: true },
    verbose: { type: 'bool', help: 'Provide a more verbose output', hidden: true },
  },
  run: async ({ flags, ...call }) => {
    const what = flags.all ? 'all build cache' : 'all dangling build cache'
    if (!flags.force && !(await confirm(`WARNING! This will remove ${what}. `, call))) return 0
    const tare = await call.open()
    const result = await tare.cache.prune({ all: flags.all, filters: flags.filter, signal: call.signal })
    await print(call.streams, formatPruned('Deleted build cache objects', result))
    return 0
  },
})
