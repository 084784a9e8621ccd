import { defineVerb } from '../command.ts'
import { formOf } from '../print-listing.ts'
import { printData } from '../streams.ts'
import { compileTemplate } from '../template/template.ts'
import { formatJson } from '../template/values.ts'
import { inspectFormatHelp } from './images/format-help.ts'

export const version = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: { format: { type: 'string', short: 'f', help: inspectFormatHelp } },
  run: async ({ flags, streams, ...call }) => {
    const { version, nodeVersion, os, architecture } = await (await call.open()).version()
    const facts = { Version: version, NodeVersion: nodeVersion, Os: os, Arch: architecture }
    await printData(streams, formatVersion(facts, flags.format), formOf(flags.format))
    return 0
  },
})

type Client = Readonly<Record<'Version' | 'NodeVersion' | 'Os' | 'Arch', string>>

function formatVersion(client: Client, format: string | undefined): string {
  // tare has no server; scripts that ask docker for its server's version get the version of tare.
  const data = { Client: client, Server: client }
  if (format === 'json') return `${formatJson(data)}\n`
  if (format !== undefined && format !== '') return `${compileTemplate(format).fill(data)}\n`
  return `Client: tare
 Version:           ${client.Version}
 Node.js version:   ${client.NodeVersion}
 OS/Arch:           ${client.Os}/${client.Arch}
`
}
