import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
  run: async ({ flags, streams }) => {
    const facts = {
      Version: readVersion(),
      NodeVersion: process.version.slice(1),
      Os: process.platform === 'win32' ? 'windows' : process.platform,
      Arch: architectures[process.arch] ?? process.arch,
    }
    await printData(streams, formatVersion(facts, flags.format), formOf(flags.format))
    return 0
  },
})

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

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

/** Reads the version from tare's package.json, somewhere above this file depending on the bundle. */
export function readVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (!existsSync(file)) continue
    const content = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown }
    if (content.name === 'tare' && typeof content.version === 'string') return content.version
  }
  throw new Error('the package.json of tare is missing')
}
