import type { FileChange, FileTrace } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { print, printData } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'
import { printable } from '../../text/printable.ts'
import { alignColumns } from '../../text/table.ts'
import { shown } from './layers.ts'
import { modeText } from './long-lines.ts'
import { aboutImage, jsonFlag, look, lookFlags } from './look-flags.ts'

export const why = defineVerb({
  usage: '[OPTIONS] IMAGE PATH',
  about: `Shows each layer that wrote, changed or removed PATH, and the instruction that made it.\n\n${aboutImage}`,
  args: { least: 2, most: 2 },
  flags: { ...lookFlags, ...jsonFlag, 'no-trunc': { type: 'bool', help: "Don't truncate output" } },
  run: async ({ args, ...call }) => {
    const tare = await call.open()
    const trace = await look(call, args[0]!, (options) => tare.images.why({ ...options, path: args[1]! }))
    if (call.flags.json) await printData(call.streams, `${JSON.stringify(trace, undefined, 2)}\n`, 'json')
    else await print(call.streams, page(trace, args[1]!, call.flags['no-trunc']))
    return 0
  },
})

function page({ path, exists, changes }: FileTrace, asked: string, isWhole: boolean): string {
  const rows = changes.map((change) => [
    ...[String(change.layer), whatOf(change), modeText(change.file), `${change.file.uid}:${change.file.gid}`],
    ...[change.file.type === 'file' ? humanSize(change.file.size, 3) : '-', shown(change.createdBy ?? '', isWhole)],
  ])
  const heading = ['LAYER', 'CHANGE', 'MODE', 'OWNER', 'SIZE', 'CREATED BY']
  const other = path === `/${asked.replace(/^\/+|\/+$/g, '')}` ? '' : `${printable(asked)} is ${printable(path)}\n`
  const gone = exists ? '' : `${printable(path)} is not in the image: a layer has removed it\n`
  return `${other}${alignColumns(`${[heading, ...rows].map((cells) => cells.join('\t')).join('\n')}\n`)}${gone}`
}

function whatOf({ change, differences }: FileChange): string {
  return differences.length === 0 ? change : `${change} (${differences.join(', ')})`
}
