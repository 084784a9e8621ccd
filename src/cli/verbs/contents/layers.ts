import type { LayerSummary } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { print, printData } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'
import { printable } from '../../text/printable.ts'
import { alignColumns } from '../../text/table.ts'
import { aboutImage, jsonFlag, look, lookFlags } from './look-flags.ts'

export const layers = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `${aboutImage}\n\nLayers are numbered from the lowest. SIZE is uncompressed; COMPRESSED is the size as stored in the image.`,
  args: { least: 1, most: 1 },
  flags: { ...lookFlags, ...jsonFlag, 'no-trunc': { type: 'bool', help: "Don't truncate output" } },
  run: async ({ args, ...call }) => {
    const tare = await call.open()
    const found = await look(call, args[0]!, (options) => tare.images.layers(options))
    if (call.flags.json) await printData(call.streams, `${JSON.stringify(found, undefined, 2)}\n`, 'json')
    else await print(call.streams, table(found, call.flags['no-trunc']))
    return 0
  },
})

function table(found: readonly LayerSummary[], isWhole: boolean): string {
  const rows = found.map((layer) => [
    ...[String(layer.number), humanSize(layer.uncompressedSize, 3)],
    layer.isCompressed ? humanSize(layer.size, 3) : '-',
    ...[String(layer.files), isWhole ? layer.diffId : layer.diffId.slice(7, 19)],
    shown(layer.createdBy ?? '', isWhole),
  ])
  const heading = ['LAYER', 'SIZE', 'COMPRESSED', 'FILES', 'DIFF ID', 'CREATED BY']
  return alignColumns(`${[heading, ...rows].map((cells) => cells.join('\t')).join('\n')}\n`)
}

/** An instruction in one cell. */
export function shown(instruction: string, isWhole: boolean): string {
  const characters = [...printable(instruction.replaceAll('\t', ' '))]
  return isWhole || characters.length <= 60 ? characters.join('') : `${characters.slice(0, 59).join('')}…`
}
