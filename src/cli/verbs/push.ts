import { writeFileSync } from 'node:fs'
import { defineVerb } from '../command.ts'
import { UsageError } from '../failure.ts'
import { write } from '../streams.ts'

const formats = ['oci', 'docker'] as const
const words = { there: 'Layer already exists', mounted: 'Mounted', uploaded: 'Pushed' } as const

export const push = defineVerb({
  usage: '[OPTIONS] NAME[:TAG]',
  args: { least: 1, most: 1 },
  flags: {
    'all-tags': { type: 'bool', short: 'a', help: 'Push all tags of an image to the repository', notYet: true },
    'compression-level': { type: 'string', help: 'Of gzip, 1 to 9', default: '6' },
    digestfile: { type: 'string', placeholder: 'file', help: 'Write the digest of what was pushed to the file' },
    'disable-content-trust': { type: 'bool', help: 'Skip image signing', hidden: true },
    format: { type: 'string', help: 'Kind of the manifest: "oci" or "docker" (default: as it was pulled, else "oci")' },
    insecure: { type: 'bool', help: 'Do not check certificates, and allow plain HTTP' },
    platform: { type: 'string', help: 'Push one platform of the image only', notYet: true },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const format = formats.find((candidate) => candidate === flags.format)
    if (flags.format !== undefined && format === undefined)
      throw new UsageError(`invalid format "${flags.format}"`, `The formats are ${formats.join(' and ')}.`)
    const level = flags['compression-level'] ?? '6'
    if (!/^[1-9]$/.test(level))
      throw new UsageError(`invalid compression level "${level}"`, 'It is a digit from 1 to 9.')
    const tare = await call.open()
    const compressionLevel = Number(level)
    const result = await tare.push({ name: args[0]!, format, compressionLevel, insecure: flags.insecure, signal })
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
