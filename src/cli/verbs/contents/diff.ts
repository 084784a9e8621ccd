import type { Ignorable, ImageDiff } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { withTransfers } from '../../progress-output.ts'
import type { Outcomes } from '../../render/transfers.ts'
import { print, printData } from '../../streams.ts'
import { loginFlags } from '../registry/login-flags.ts'
import { diffTable } from './diff-table.ts'

const outcomes: Outcomes = { transferred: 'Read', existing: 'Already exists', mounted: 'Already exists' }

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
  about: `Each IMAGE is one of
  NAME, ID                        an image of tare's store, or else of a registry
  docker://NAME                   an image of a registry
  PATH, oci:PATH[:TAG], oci-archive:PATH[:TAG], docker-archive:PATH[:NAME]
                                  an OCI layout or an archive, as docker save writes it
and IMAGE#3..5 are some of its layers, the lowest of which is 1.

Exit codes: 0 where they are equal, 1 where something differs, 2 where it cannot be said.`,
  args: { least: 2, most: 2 },
  failsWith: 2,
  flags: {
    ...loginFlags,
    ignore: {
      type: 'strings',
      placeholder: 'kinds',
      help: `Kinds of differences that do not count: ${kinds.join(', ')}`,
    },
    insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
    json: { type: 'bool', help: 'Print JSON' },
    layers: { type: 'bool', help: 'Compare layer by layer (default: the filesystems that the layers make)' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    platform: { type: 'string', help: 'Compare the images of this platform' },
    quiet: { type: 'bool', short: 'q', help: 'Print nothing: the exit code says it' },
    report: { type: 'string', placeholder: 'folder', help: 'Write the files that differ, of both, to a new folder' },
    semantic: {
      type: 'bool',
      help: 'Ignore file-times, image-times, names, history, builder, json-format, layers, tar-format, mount-points',
    },
    show: { type: 'string', placeholder: 'path', help: 'Show the difference of one text file, as diff -u' },
  },
  run: async (call) => {
    const { args, flags, signal } = call
    const unknown = flags.ignore.find((kind) => !kinds.includes(kind))
    if (unknown !== undefined)
      throw new UsageError(
        `invalid argument ${JSON.stringify(unknown)} for "--ignore" flag`,
        `It takes ${kinds.join(', ')}.`,
      )
    const clash = ['ignore', 'semantic', 'layers', 'report', 'json'].find((flag) => call.given.has(flag))
    if (flags.show !== undefined && clash !== undefined)
      throw new UsageError(`--show and --${clash} exclude each other`)
    const images = { a: args[0]!, b: args[1]!, platform: flags.platform, insecure: flags.insecure, signal }
    const tare = await call.open()
    const { show } = flags
    if (show !== undefined) {
      const text = await withTransfers(call, outcomes, 'stderr', (report) =>
        tare.images.diffFile({ ...images, path: show, report }),
      )
      if (!flags.quiet) await printData(call.streams, text, 'text')
      return text === '' ? 0 : 1
    }
    const found = await withTransfers(call, outcomes, 'stderr', (report) =>
      tare.images.diff({
        ...{ ...images, report, semantic: flags.semantic, byLayer: flags.layers, reportFolder: flags.report },
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
