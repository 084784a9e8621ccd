import { defineVerb } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import { writeBytes } from '../../streams.ts'
import { loginFlags } from '../registry/login-flags.ts'

const formats = ['docker', 'docker-legacy', 'oci'] as const

export const save = defineVerb({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  args: { least: 1, most: Number.POSITIVE_INFINITY },
  flags: {
    ...loginFlags,
    format: {
      type: 'string',
      help: 'Layout of the archive: "docker" (an OCI layout that docker load reads too), "docker-legacy" (as before Docker 25) or "oci"',
      default: 'docker',
    },
    output: { type: 'string', short: 'o', help: 'Write to a file, instead of STDOUT' },
    platform: { type: 'string', help: 'Save only the given platform variant', notYet: true },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const format = formats.find((candidate) => candidate === flags.format)
    if (format === undefined)
      throw new UsageError(`invalid format "${flags.format}"`, `The formats are ${formats.join(', ')}.`)
    if (flags.output === undefined && streams.stdout.isTTY)
      throw new Failure('cowardly refusing to save to a terminal. Use the -o flag or redirect')
    const tare = await call.open()
    const to =
      flags.output === undefined
        ? { write: (chunk: Uint8Array) => writeBytes(streams.stdout, chunk) }
        : { path: flags.output }
    await tare.images.save({ names: args, to, format, signal })
    return 0
  },
})
