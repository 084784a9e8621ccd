import type { ListedFile } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { print, printData } from '../../streams.ts'
import { printable } from '../../text/printable.ts'
import { fileTree } from './file-tree.ts'
import { longLines } from './long-lines.ts'
import { aboutImage, jsonFlag, look, lookFlags } from './look-flags.ts'

export const files = defineVerb({
  usage: '[OPTIONS] IMAGE [PATH]',
  about: `Lists all files, or those below PATH.\n\n${aboutImage}`,
  args: { least: 1, most: 2 },
  flags: {
    ...lookFlags,
    ...jsonFlag,
    depth: { type: 'int', help: 'Levels of directories to list (default: all)' },
    layer: { type: 'int', help: 'List only the files of this layer (1 is the lowest; see "tare image layers")' },
    long: { type: 'bool', short: 'l', help: 'Show mode, owner, size, time and layer' },
    sort: { type: 'string', help: 'Order: "name" or "size", the largest first', default: 'name' },
    tree: { type: 'bool', help: 'Show a tree, with the size of what is in each directory' },
  },
  run: async ({ args, ...call }) => {
    const { flags, streams } = call
    if (flags.sort !== 'name' && flags.sort !== 'size')
      throw new UsageError(`invalid order "${flags.sort}"`, 'Sort by name or size.')
    const depth = positive(flags.depth, 'depth')
    const layer = positive(flags.layer, 'layer')
    const tare = await call.open()
    const found = await look(call, args[0]!, (options) =>
      tare.images.files({ ...options, path: args[1], layer, depth, totals: flags.tree }),
    )
    const bySize = flags.sort === 'size'
    const sorted = bySize ? [...found].sort((a, b) => (b.total ?? b.size) - (a.total ?? a.size)) : found
    if (flags.json) await printData(streams, jsonLines(sorted), 'json')
    else if (flags.tree) await print(streams, fileTree(found, { bySize, long: flags.long }))
    else await print(streams, flags.long ? longLines(sorted) : sorted.map((file) => `${nameOf(file)}\n`).join(''))
    return 0
  },
})

function positive(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`invalid --${flag} "${text}"`, 'It is a number from 1.')
  return number
}

/** One array, a line for each file: there may be hundreds of thousands. */
function jsonLines(found: readonly ListedFile[]): string {
  return found.length === 0 ? '[]\n' : `[\n${found.map((file) => JSON.stringify(file)).join(',\n')}\n]\n`
}

const marks: Partial<Record<ListedFile['type'], string>> = {
  directory: '/',
  removed: ' (removed)',
  opaque: '/ (opaque)',
}

/** A path, with what it is where that is no file. */
function nameOf({ path, type }: ListedFile): string {
  return `${printable(path)}${marks[type] ?? ''}`
}
