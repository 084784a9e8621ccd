import { defineVerb } from '../../command.ts'
import { Failure } from '../../failure.ts'
import { writeBytes } from '../../streams.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

export const exportImage = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `The tar contains the root filesystem: all layers merged, without whiteouts.\n\n${aboutImage}`,
  args: { least: 1, most: 1 },
  flags: { ...lookFlags, output: { type: 'string', short: 'o', help: 'Write to a file, instead of STDOUT' } },
  run: async ({ args, ...call }) => {
    const { flags, streams } = call
    if (flags.output === undefined && streams.stdout.isTTY)
      throw new Failure('cowardly refusing to save to a terminal. Use the -o flag or redirect')
    const tare = await call.open()
    const write = (chunk: Uint8Array) => writeBytes(streams.stdout, chunk)
    const to = flags.output === undefined ? { write } : { path: flags.output }
    await look(call, args[0]!, (options) => tare.images.export({ ...options, to }))
    return 0
  },
})
