import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { printListing } from '../../print-listing.ts'
import { print } from '../../streams.ts'
import { humanAge, humanSize } from '../../text/human.ts'
import { formatHelp } from '../images/format-help.ts'

const mounts = {
  type: 'string',
  placeholder: 'FILE',
  help: 'File of the cache mounts: .tar.zst, .tar.gz or .tar',
} as const

export const cacheExport = defineVerb({
  usage: '--mounts FILE [--id ID...]',
  args: { least: 0, most: 0 },
  flags: { mounts, id: { type: 'list', placeholder: 'ID', help: 'Export only the cache mounts with these ids' } },
  run: async ({ flags, ...call }) => {
    const to = fileOf(flags.mounts)
    const written = await (await call.open()).cache.exportMounts({ to, ids: flags.id, signal: call.signal })
    await print(call.streams, written.map(({ id }) => `exported: ${id}\n`).join(''))
    return 0
  },
})

export const cacheImport = defineVerb({
  usage: '--mounts FILE',
  args: { least: 0, most: 0 },
  flags: { mounts },
  run: async ({ flags, ...call }) => {
    const from = fileOf(flags.mounts)
    const taken = await (await call.open()).cache.importMounts({ from, signal: call.signal })
    await print(call.streams, taken.map((id) => `imported: ${id}\n`).join(''))
    return 0
  },
})

function fileOf(path: string | undefined): string {
  if (path === undefined || path === '')
    throw new UsageError('no file was given', 'Use --mounts FILE, for example --mounts mounts.tar.zst')
  return path
}

export const cacheList = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: { format: { type: 'string', help: formatHelp } },
  run: async ({ flags, ...call }) => {
    const found = await (await call.open()).cache.mounts()
    await printListing(
      call.streams,
      found.map(({ id, size, used }) => ({
        ...{ ID: id, Size: humanSize(size), LastUsed: humanAge(used, call.now()) },
      })),
      {
        format: flags.format,
        table: '{{.ID}}\t{{.Size}}\t{{.LastUsed}}',
        headings: { ID: 'CACHE MOUNT', Size: 'SIZE', LastUsed: 'LAST USED' },
        type: '*formatter.cacheMountContext',
      },
    )
    return 0
  },
})
