import type { ImageFilter, ImageSummary } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { printListing } from '../../print-listing.ts'
import { print, type Streams } from '../../streams.ts'
import { humanAge, humanSize } from '../../text/human.ts'
import type { Row } from '../../text/listing.ts'
import { goTime } from '../../text/local-time.ts'
import { printable } from '../../text/printable.ts'
import { alignColumns } from '../../text/table.ts'
import { formatHelp } from './format-help.ts'

const headings = {
  ...{ Repository: 'REPOSITORY', Tag: 'TAG', Digest: 'DIGEST', ID: 'IMAGE ID', CreatedSince: 'CREATED' },
  ...{ CreatedAt: 'CREATED AT', Size: 'SIZE', Containers: 'CONTAINERS', SharedSize: 'SHARED SIZE' },
  ...{ UniqueSize: 'UNIQUE SIZE', VirtualSize: 'SIZE' },
}

export const images = defineVerb({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  args: { least: 0, most: 1 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Show all images (default hides intermediate images)' },
    digests: { type: 'bool', help: 'Show digests' },
    filter: { type: 'list', short: 'f', placeholder: 'filter', help: 'Filter output based on conditions provided' },
    format: { type: 'string', help: formatHelp },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    quiet: { type: 'bool', short: 'q', help: 'Only show image IDs' },
    tree: { type: 'bool', help: 'List multi-platform images as a tree' },
  },
  run: async ({ args, flags, ...call }) => {
    if (flags.tree) refuseWithTree(flags)
    const tare = await call.open()
    const options = {
      reference: args[0],
      filters: flags.filter as readonly ImageFilter[],
      platforms: flags.tree,
      signal: call.signal,
    }
    const found = await tare.images.list(options)
    if (flags.tree) {
      await print(call.streams, imageTree(found, flags['no-trunc']))
      return 0
    }
    const now = call.now()
    const rows = found.map((image) => imageRow(image, now, flags))
    await printImages(call.streams, rows, flags)
    return 0
  },
})

function refuseWithTree(flags: { quiet: boolean; digests: boolean; format: string | undefined }): void {
  for (const flag of ['quiet', 'digests', 'format'] as const)
    if (flags[flag]) throw new UsageError(`--${flag} cannot be used with --tree`)
}

/** Each image, and below it the platforms that it is there for. */
function imageTree(found: readonly ImageSummary[], isWhole: boolean): string {
  const rows = found.flatMap(({ repository, tag, id, digest, size, platforms = [] }) => {
    const name = repository === undefined ? '<untagged>' : `${repository}${tag === undefined ? '' : `:${tag}`}`
    const isIndex = platforms.length > 1
    const sum = isIndex ? platforms.reduce((total, platform) => total + platform.size, 0) : size
    return [
      [name, shortId(isIndex ? digest : id, isWhole), humanSize(sum, 3)],
      ...platforms.map((one, i) => [
        `${i === platforms.length - 1 ? '└─' : '├─'} ${one.platform}`,
        ...[shortId(one.id, isWhole), humanSize(one.size, 3)],
      ]),
    ]
  })
  const lines = [['IMAGE', 'ID', 'SIZE'], ...rows].map((cells) => cells.map(printable).join('\t'))
  return alignColumns(`${lines.join('\n')}\n`)
}

function printImages(
  streams: Streams,
  rows: readonly Row[],
  flags: { readonly quiet: boolean; readonly digests: boolean; readonly format: string | undefined },
): Promise<void> {
  if (flags.quiet && (flags.format === undefined || flags.format === 'table'))
    return print(streams, rows.map(({ ID }) => `${ID}\n`).join(''))
  const digest = flags.digests ? '{{.Digest}}\t' : ''
  return printListing(streams, rows, {
    format: flags.format,
    table: `{{.Repository}}\t{{.Tag}}\t${digest}{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`,
    headings,
    type: '*formatter.imageContext',
  })
}

/** In the order of docker's JSON. */
export function imageRow(image: ImageSummary, now: number, flags: { readonly 'no-trunc': boolean }): Row {
  return {
    Containers: 'N/A',
    // The zone's name loads all of Intl, and only some formats show it.
    get CreatedAt() {
      return goTime(image.created)
    },
    CreatedSince: humanAge(image.created, now),
    Digest: image.digest,
    ID: shortId(image.id, flags['no-trunc']),
    Repository: image.repository ?? '<none>',
    SharedSize: 'N/A',
    Size: humanSize(image.size, 3),
    Tag: image.tag ?? '<none>',
    UniqueSize: 'N/A',
    VirtualSize: humanSize(image.size),
  }
}

/** Returns twelve digits of an ID, or all of it. */
export function shortId(id: string, whole: boolean): string {
  return whole ? id : id.replace(/^sha256:/, '').slice(0, 12)
}
