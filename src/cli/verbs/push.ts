import { writeFileSync } from 'node:fs'
import { defineVerb } from '../command.ts'
import { UsageError } from '../failure.ts'
import { write } from '../streams.ts'

const formats = ['oci', 'docker'] as const
const compressions = ['gzip', 'zstd'] as const
const words = { there: 'Layer already exists', mounted: 'Mounted', uploaded: 'Pushed' } as const

export const push = defineVerb({
  usage: '[OPTIONS] NAME[:TAG]',
  args: { least: 1, most: 1 },
  flags: {
    'all-tags': { type: 'bool', short: 'a', help: 'Push all tags of an image to the repository', notYet: true },
    compression: { type: 'string', help: 'How to squeeze layers: "gzip" or "zstd" (default: as before, else "gzip")' },
    'compression-level': { type: 'string', help: '1 to 9 for gzip (default: 5), 1 to 19 for zstd (default: 3)' },
    digestfile: { type: 'string', placeholder: 'file', help: 'Write the digest of what was pushed to the file' },
    'disable-content-trust': { type: 'bool', help: 'Skip image signing', hidden: true },
    'force-compression': { type: 'bool', help: 'Squeeze layers anew that were pulled and are squeezed otherwise' },
    format: { type: 'string', help: 'Kind of the manifest: "oci" or "docker" (default: as it was pulled, else "oci")' },
    insecure: { type: 'bool', help: 'Do not check certificates, and allow plain HTTP' },
    platform: { type: 'string', help: 'Push one platform of the image only', notYet: true },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const format = formats.find((candidate) => candidate === flags.format)
    if (flags.format !== undefined && format === undefined)
      throw new UsageError(`invalid format "${flags.format}"`, `The formats are ${formats.join(' and ')}.`)
    const compression = compressions.find((candidate) => candidate === flags.compression)
    if (flags.compression !== undefined && compression === undefined)
      throw new UsageError(`invalid compression "${flags.compression}"`, `It is ${compressions.join(' or ')}.`)
    if (compression === 'zstd' && format === 'docker')
      throw new UsageError('layers in zstd need --format oci', 'Docker’s own kind of manifest has no name for them.')
    const compressionLevel = levelOf(flags['compression-level'], compression ?? 'gzip')
    const tare = await call.open()
    const result = await tare.push({
      ...{ name: args[0]!, format, compression, compressionLevel, insecure: flags.insecure, signal },
      forceCompression: flags['force-compression'],
    })
    if (flags.digestfile !== undefined) writeFileSync(flags.digestfile, `${result.digest}\n`)
    const repository = result.fullName.slice(0, result.fullName.lastIndexOf(':'))
    const tag = result.fullName.slice(repository.length + 1)
    const lines = flags.quiet
      ? [result.fullName]
      : [
          `The push refers to repository [${repository}]`,
          ...result.layers.map(({ diffId, how }) => `${diffId.slice('sha256:'.length, 19)}: ${words[how]}`),
          `${tag}: digest: ${result.digest} size: ${result.size}`,
        ]
    await write(streams.stdout, lines.map((line) => `${line}\n`).join(''))
    return 0
  },
})

function levelOf(text: string | undefined, compression: 'gzip' | 'zstd'): number | undefined {
  if (text === undefined) return undefined
  const most = compression === 'gzip' ? 9 : 19
  if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > most)
    throw new UsageError(`invalid compression level "${text}"`, `Of ${compression} it is a number from 1 to ${most}.`)
  return Number(text)
}
