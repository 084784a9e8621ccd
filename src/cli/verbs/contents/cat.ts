import { defineVerb } from '../../command.ts'
import { Failure } from '../../failure.ts'
import { printData, type Streams, writeBytes } from '../../streams.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

export const cat = defineVerb({
  usage: '[OPTIONS] IMAGE PATH',
  about: `Symbolic links are followed within the image.\n\n${aboutImage}`,
  args: { least: 2, most: 2 },
  flags: { ...lookFlags, layer: { type: 'int', help: 'Read the file as this layer has it (1 is the lowest)' } },
  run: async ({ args, ...call }) => {
    const tare = await call.open()
    const layer = call.flags.layer === undefined ? undefined : Number(call.flags.layer)
    await look(call, args[0]!, async (options) => {
      const bytes = tare.images.readFile({ ...options, path: args[1]!, layer })
      if (call.streams.stdout.isTTY === true) await show(call.streams, bytes, args[1]!)
      else for await (const chunk of bytes) await writeBytes(call.streams.stdout, chunk)
    })
    return 0
  },
})

/** Text on a terminal cannot steer it, and what is no text does not get there. */
async function show(streams: Streams, bytes: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const text = (chunk?: Uint8Array) => {
    try {
      const piece = chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
      if (!piece.includes('\0')) return piece
    } catch {
      // Not UTF-8.
    }
    throw new Failure(`${path} is binary: it is not written to a terminal`, {
      remedy: 'Redirect standard output, or copy the file with "tare cp".',
    })
  }
  for await (const chunk of bytes) await printData(streams, text(chunk), 'text')
  await printData(streams, text(), 'text')
}
