import type { Ignorable, ImageDiff } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { print, printData } from '../../streams.ts'
import { diffTable } from './diff-table.ts'
import { aboutImage, jsonFlag, look, lookFlags } from './look-flags.ts'

// As in the library's `ignorable`, which would have to be loaded for a wrong flag.
const kinds = [
  ...[
    'file-times',
    'image-times',
    'names',
    'history',
    'builder',
    'json-format',
    'layers',
    'tar-format',
    'mount-points',
  ],
  ...['annotations', 'labels', 'hard-links', 'mode', 'owner', 'xattrs'],
]

export const diff = defineVerb({
  usage: '[OPTIONS] IMAGE IMAGE',
  about: `${aboutImage}
IMAGE#3..5 means only those layers; 1 is the lowest.

Exits with 0 if they are equal, with 1 if they differ, and with 2 if they cannot be compared.`,
  args: { least: 2, most: 2 },
  failsWith: 2,
  flags: {
    ...lookFlags,
    ...jsonFlag,
    ignore: {
      type: 'strings',
      placeholder: 'kinds',
      help: `Kinds of differences that do not count: ${kinds.join(', ')}`,
    },
    layers: { type: 'bool', help: 'Compare layer by layer (default: the filesystems that the layers make)' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    quiet: { type: 'bool', short: 'q', help: 'Print nothing; the exit code tells' },
    report: { type: 'string', placeholder: 'folder', help: 'Write the files that differ, of both, to a new folder' },
    semantic: {
      type: 'bool',
      help: 'Ignore file-times, image-times, names, history, builder, json-format, layers, tar-format, mount-points',
    },
    show: { type: 'string', placeholder: 'path', help: 'Show the difference of one text file, as diff -u' },
  },
  run: async (call) => {
    const { args, flags } = call
    const unknown = flags.ignore.find((kind) => !kinds.includes(kind))
    if (unknown !== undefined)
      throw new UsageError(
        `invalid argument ${JSON.stringify(unknown)} for "--ignore" flag`,
        `It takes ${kinds.join(', ')}.`,
      )
    const clash = ['ignore', 'semantic', 'layers', 'report', 'json'].find((flag) => call.given.has(flag))
    if (flags.show !== undefined && clash !== undefined)
      throw new UsageError(`--show and --${clash} exclude each other`)
    const [a, b] = args as [string, string]
    const { show } = flags
    const tare = await call.open()
    if (show !== undefined) {
      const text = await look(call, `${a} and ${b}`, ({ image: _, ...options }) =>
        tare.images.diffFile({ ...options, a, b, path: show }),
      )
      if (!flags.quiet) await printData(call.streams, text, 'text')
      return text === '' ? 0 : 1
    }
    const found = await look(call, `${a} and ${b}`, ({ image: _, ...options }) =>
      tare.images.diff({
        ...{ ...options, a, b, semantic: flags.semantic, byLayer: flags.layers, reportFolder: flags.report },
        collapse: !flags.json,
        ignore: flags.ignore as readonly Ignorable[],
      }),
    )
    await printDiff(call.streams, found, flags)
    return found.equal ? 0 : 1
  },
})

async function printDiff(
  streams: Parameters<typeof print>[0],
  found: ImageDiff,
  flags: { readonly json: boolean; readonly quiet: boolean; readonly 'no-trunc': boolean },
): Promise<void> {
  if (flags.quiet) return
  if (flags.json) await printData(streams, `${JSON.stringify(found, undefined, 2)}\n`, 'json')
  else await print(streams, diffTable(found, flags['no-trunc']))
}
