import type { DoctorEngine, DoctorReport } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { print, printData } from '../../streams.ts'
import { formatJson } from '../../template/values.ts'

export const doctor = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: {
    builder: { type: 'string', help: 'Also ask this BuildKit: as for `tare build`' },
    json: { type: 'bool', help: 'Print in JSON format' },
  },
  run: async ({ flags, env, streams, open }) => {
    const report = await (await open()).doctor({ builder: flags.builder || env['TARE_BUILDER'] || undefined })
    if (flags.json) await printData(streams, `${formatJson(report)}\n`, 'json')
    else await print(streams, formatReport(report))
    const isLacking = report.engines.some(({ wanted, works }) => wanted && !works)
    return report.chosen === undefined || isLacking ? 1 : 0
  },
})

/** Returns a paragraph for each sandbox and engine: that it works, or what is missing, with the command that fixes it. */
export function formatReport({ user, home, chosen, sandboxes, platforms, notes, engines }: DoctorReport): string {
  const blocks = sandboxes.map(({ isolation, works, by, hindrances }) => {
    const state = works ? `works${isolation === chosen ? ', used by RUN' : ''}` : 'does not work'
    const told = hindrances.map(({ what, remedy }) => `    ${what}\n      ${remedy}\n`).join('')
    return `  ${isolation.padEnd(10)} ${state}${by === '' ? '' : ` (${by})`}\n${told}`
  })
  return [
    `RUN as ${user}, with the store ${home}:\n`,
    ...blocks,
    `\nPrograms that run here: ${platforms.join(', ')}\n`,
    ...notes.map((note) => `${note}\n`),
    ...(engines.length === 0 ? [] : ['\nEngines, for --builder:\n', ...engines.map(formatEngine)]),
  ].join('')
}

function formatEngine({ name, works, problem, ...engine }: DoctorEngine): string {
  if (problem !== undefined || !works)
    return `  ${name} does not work\n    ${problem?.what ?? ''}\n${problem?.remedy ? `      ${problem.remedy}\n` : ''}`
  const { software, workers, platforms, exporters, capabilities, lacks } = engine
  const several = workers.length > 1 ? `, ${workers.length} workers` : ''
  return [
    `  ${name} works (${software}${several})\n`,
    `    platforms: ${platforms.join(', ')}\n`,
    `    exporters: ${exporters.join(', ')}; ${capabilities.length} capabilities\n`,
    ...(lacks.length === 0 ? [] : [`    too old for: ${lacks.join(', ')}\n`]),
  ].join('')
}
