import type { WeighFinding, WeighResult } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { print, printData } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'
import { printable } from '../../text/printable.ts'
import { alignColumns } from '../../text/table.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'
import { rulesOfDive, rulesOfFlags } from './weigh-rules.ts'

export const weigh = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `Shows sizes by layer, directory, file type and package, files that exist twice, and files that later layers replace or
remove.

${aboutImage}

Exits with 1 if a rule is broken, and with 2 if the image cannot be read. The rules of a .dive-ci in the current directory apply too.`,
  args: { least: 1, most: 1 },
  failsWith: 2,
  flags: {
    ...lookFlags,
    'ci-config': { type: 'string', help: 'File with rules for dive (default ".dive-ci", if it exists)' },
    json: { type: 'bool', help: 'Print everything as JSON' },
    'max-size': { type: 'string', help: 'Maximum size of files in all layers, such as 50MB' },
    'max-wasted': { type: 'string', help: 'Maximum size of files replaced or removed by later layers' },
    'min-efficiency': { type: 'string', help: 'Minimum efficiency, from 0 to 1' },
    top: { type: 'int', help: 'Maximum number of lines per table', default: '10' },
  },
  run: async ({ args, ...call }) => {
    const { flags } = call
    const rules = { ...rulesOfDive(flags['ci-config']), ...rulesOfFlags(flags) }
    const tare = await call.open()
    const result = await look(call, args[0]!, (options) => tare.images.weigh({ ...options, rules }))
    if (flags.json) await printData(call.streams, `${JSON.stringify(result, undefined, 2)}\n`, 'json')
    else await print(call.streams, page(result, Math.max(0, Number(flags.top))))
    return result.findings.length === 0 ? 0 : 1
  },
})

function page(result: WeighResult, top: number): string {
  const { size, visible, wasted, efficiency, layers, directories, types, packages, wastedPaths, duplicates } = result
  const percent = (share: number) => `${(share * 100).toFixed(share === 1 ? 0 : 1)} %`
  const sections = [
    alignColumns(
      [
        `Size\t${humanSize(size)} in ${count(layers.length, 'layer')}`,
        `Visible\t${humanSize(visible)}`,
        `Wasted\t${humanSize(wasted)}`,
        `Efficiency\t${percent(efficiency)}`,
      ].join('\n'),
    ),
    table(
      ['LAYER', 'SIZE', 'FILES', 'WASTED', 'CREATED BY'],
      layers.map((layer, i) => [
        String(i + 1),
        ...[humanSize(layer.size), String(layer.files), humanSize(layer.wasted), layer.createdBy ?? ''],
      ]),
    ),
    table(
      ['DIRECTORY', 'SIZE', 'FILES'],
      directories
        .slice(0, top)
        .map(({ path, ...weight }) => [`/${path}`, humanSize(weight.size), String(weight.files)]),
    ),
    table(
      ['TYPE', 'SIZE', 'FILES'],
      types.slice(0, top).map(({ type, ...weight }) => [type, humanSize(weight.size), String(weight.files)]),
    ),
    table(
      ['PACKAGE', 'SIZE', 'FILES'],
      packages
        .slice(0, top)
        .map(({ type, name, version, ...weight }) => [
          `${name} ${version} (${type})`,
          humanSize(weight.size),
          weight.files === 0 ? '' : String(weight.files),
        ]),
    ),
    table(
      ['WASTED ON', 'SIZE', 'COPIES', ''],
      wastedPaths
        .slice(0, top)
        .map((path) => [`/${path.path}`, humanSize(path.size), String(path.copies), path.became]),
    ),
    table(
      ['THERE TWICE', 'SIZE', 'COPIES', ''],
      duplicates
        .slice(0, top)
        .map(({ paths, size }) => [`/${paths[0]}`, humanSize(size), String(paths.length), `/${paths[1]}`]),
    ),
    result.findings.map(told).join('\n'),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  return alignColumns(
    [head, ...rows].map((row) => row.map((cell) => printable(cell).replaceAll('\t', ' ')).join('\t')).join('\n'),
  )
}

function told({ rule, limit, found }: WeighFinding): string {
  switch (rule) {
    case 'maxSize':
      return `FAILED: the image has ${humanSize(found)}, more than ${humanSize(limit)}`
    case 'maxWasted':
      return `FAILED: ${humanSize(found)} are wasted, more than ${humanSize(limit)}`
    case 'maxDiveWasted':
      return `FAILED: ${humanSize(found)} are wasted as dive counts it, more than ${humanSize(limit)}`
    case 'maxWastedShare':
      return `FAILED: the wasted share of the layers above the first is ${found.toFixed(4)}, more than ${limit}`
    default:
      return `FAILED: the efficiency is ${found.toFixed(4)}, less than ${limit}`
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
