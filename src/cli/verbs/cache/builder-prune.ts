import type { CacheFilter } from '../../../index.ts'
import { type Call, defineVerb } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import { type FlagTable, sizeOf } from '../../flags.ts'
import { print, tell } from '../../streams.ts'
import { readCacheDestination } from '../build/cache-flags.ts'
import { confirm, formatPruned } from '../images/prune-report.ts'

const flags = {
  all: { type: 'bool', short: 'a', help: 'Remove all unused build cache, not just dangling ones' },
  builder: { type: 'string', help: 'Override the configured builder instance', hidden: true },
  cache: {
    type: 'string',
    help: 'Prune a shared cache instead ("type=registry,ref=REF") of steps that no export has named for the time in "--keep"',
  },
  filter: {
    type: 'list',
    placeholder: 'filter',
    help: 'Provide filter values ("until=24h", "type=exec.cachemount", "inuse=false", "id~=^ab")',
  },
  force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
  keep: { type: 'string', help: 'With "--cache": how long to keep a step that no export names ("14d", "36h")' },
  'keep-storage': { type: 'bytes', help: 'Old name of "--reserved-space"' },
  'max-used-space': { type: 'bytes', help: 'Maximum amount of disk space the cache may use afterwards' },
  'min-free-space': { type: 'bytes', help: 'Target amount of free disk space' },
  'reserved-space': { type: 'bytes', help: 'Amount of disk space that always stays in use by the cache' },
  verbose: { type: 'bool', help: 'Provide a more verbose output', hidden: true },
} as const satisfies FlagTable

type PruneCall = Call<typeof flags>

export const builderPrune = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags,
  run: async (call) => {
    const { flags, streams, signal } = call
    if (flags.cache !== undefined) return pruneShared(call, flags.cache)
    if (flags.keep !== undefined)
      throw new UsageError('--keep needs --cache', 'For the store, use --filter until=336h.')
    const bounds = {
      maxUsedSpace: sizeOf(flags['max-used-space']),
      reservedSpace: sizeOf(flags['reserved-space'] ?? flags['keep-storage']),
      minFreeSpace: sizeOf(flags['min-free-space']),
    }
    const what = flags.all ? 'all build cache' : 'all dangling build cache'
    if (!flags.force && !(await confirm(`WARNING! This will remove ${what}. `, call))) return 0
    const tare = await call.open()
    const result = await tare.cache.prune({
      all: flags.all,
      filters: flags.filter as readonly CacheFilter[],
      ...bounds,
      signal,
    })
    await print(streams, formatPruned('Deleted build cache objects', result))
    return 0
  },
})

async function pruneShared(call: PruneCall, text: string): Promise<number> {
  const { flags, streams, signal } = call
  const cache = readCacheDestination(text)
  if (cache.type === 'inline') throw new Failure('a cache in an image is pruned by building the image again')
  if (cache.type === 'gha') throw new Failure('GitHub itself removes what nobody has read for a week')
  const keepFor = flags.keep ?? '14d'
  const place = cache.type === 'registry' ? cache.ref : cache.path
  if (!flags.force && !(await confirm(`WARNING! This will rewrite the cache ${place}. `, call))) return 0
  const tare = await call.open()
  const chosen =
    cache.type === 'registry'
      ? { type: cache.type, ref: cache.ref, insecure: cache.insecure }
      : { type: cache.type, path: cache.path, tag: cache.tag }
  const { kept, removed, deleted, left, why } = await tare.cache.pruneShared({ cache: chosen, keepFor, signal })
  await print(streams, `Removed ${removed} of ${kept + removed} steps, and ${deleted.length} old manifests\n`)
  if (left.length === 0) return 0
  const stay = left.length === 1 ? 'manifest stays' : 'manifests stay'
  await tell(streams, `WARNING: ${left.length} old ${stay}, because the registry does not delete them: ${why}\n`)
  return 0
}
