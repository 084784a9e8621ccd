import type { DoctorReport } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { print, printData } from '../../streams.ts'
import { formatJson } from '../../template/values.ts'

export const doctor = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: { json: { type: 'bool', help: 'Print in JSON format' } },
  run: async ({ flags, streams, open }) => {
    const report = await (await open()).doctor()
    if (flags.json) await printData(streams, `${formatJson(report)}\n`, 'json')
    else await print(streams, formatReport(report))
    return report.chosen === undefined ? 1 : 0
  },
})

/** Returns a paragraph for each sandbox: that it works, or what is missing, with the command that fixes it. */
export function formatReport({ user, home, chosen, sandboxes, platforms, notes }: DoctorReport): string {
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
  ].join('')
}
