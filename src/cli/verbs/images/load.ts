import { defineVerb } from '../../command.ts'
import { Failure } from '../../failure.ts'
import { inputBytes } from '../../input.ts'
import { withTransfers } from '../../progress-output.ts'
import { loaded } from '../../render/transfers.ts'
import { print } from '../../streams.ts'

export const load = defineVerb({
  usage: '[OPTIONS]',
  args: { least: 0, most: 0 },
  flags: {
    input: { type: 'string', short: 'i', help: 'Read from tar archive file or OCI layout folder, instead of STDIN' },
    platform: { type: 'string', help: 'Load only the given platform variant', notYet: true },
    quiet: { type: 'bool', short: 'q', help: 'Suppress the load output' },
  },
  run: async (call) => {
    const { flags, streams, signal } = call
    if (flags.input === undefined && streams.stdin.isTTY)
      throw new Failure('requested load from stdin, but stdin is empty', { remedy: 'Name a file with -i.' })
    const tare = await call.open()
    const from = flags.input === undefined ? { bytes: inputBytes({ streams, signal }) } : { path: flags.input }
    const images = await withTransfers(call, loaded, 'stderr', (report) => tare.images.load({ from, signal, report }))
    const lines = images.flatMap(({ id, names }) =>
      names.length > 0 ? names.map((name) => `Loaded image: ${name}\n`) : [`Loaded image ID: ${id}\n`],
    )
    await print(streams, lines.join(''))
    return 0
  },
})
