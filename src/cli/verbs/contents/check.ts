import type { CheckFinding, CheckResult } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { print, printData } from '../../streams.ts'
import { printable } from '../../text/printable.ts'
import { readCheckConfig } from './check-config.ts'
import { sarifOf } from './check-sarif.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

const formats = ['text', 'json', 'sarif']

export const check = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `Finds what would keep the image from running: a missing command, interpreter, loader or library, another architecture, an
unknown user, no certificate authorities. Also finds what weakens or exposes it: secrets in any layer, set-id programs, world-writable
files.

${aboutImage}

Exits with 1 if there are errors or warnings, and with 2 if the image cannot be read. Notes do not count.`,
  args: { least: 1, most: 1 },
  failsWith: 2,
  flags: {
    ...lookFlags,
    config: { type: 'string', help: 'File with findings to accept (default ".tare-check.json", if it exists)' },
    format: { type: 'string', help: 'Format of the output: "text" (default), "json" or "sarif"' },
    json: { type: 'bool', help: 'Same as --format json' },
  },
  run: async ({ args, ...call }) => {
    const { flags } = call
    const format = flags.json ? 'json' : (flags.format ?? 'text')
    if (!formats.includes(format))
      throw new UsageError(`invalid argument "${format}" for "--format" flag: must be one of ${formats.join(', ')}`)
    const silences = readCheckConfig(flags.config)
    const tare = await call.open()
    const image = args[0]!
    const result = await look(call, image, (options) => tare.images.check({ ...options, silences }))
    if (format === 'text') await print(call.streams, page(result))
    else {
      const document = format === 'json' ? result : sarifOf(result, image, (await tare.version()).version)
      await printData(call.streams, `${JSON.stringify(document, undefined, 2)}\n`, 'json')
    }
    return result.findings.some(({ severity }) => severity !== 'note') ? 1 : 0
  },
})

function page({ findings, silenced }: CheckResult): string {
  const blocks = findings.map(block)
  if (silenced.length > 0) blocks.push(`${count(silenced.length, 'finding')} accepted`)
  if (findings.length === 0) blocks.unshift('Nothing found.')
  return `${blocks.join('\n\n')}\n`
}

function block({ severity, code, message, reason, remedy }: CheckFinding): string {
  return [`${severity} ${code}: ${printable(message)}`, `  ${printable(reason)}`, `  ${printable(remedy)}`].join('\n')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
