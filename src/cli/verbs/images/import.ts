import { defineVerb } from '../../command.ts'
import { inputBytes } from '../../input.ts'
import { print } from '../../streams.ts'

export const importImage = defineVerb({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  args: { least: 1, most: 2 },
  flags: {
    change: { type: 'list', short: 'c', help: 'Apply Dockerfile instruction to the created image' },
    message: { type: 'string', short: 'm', help: 'Set commit message for imported image' },
    platform: { type: 'string', help: 'Set the platform of the image' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const [source, name] = args as [string, string?]
    const tare = await call.open()
    const isAddress = /^https?:\/\//i.test(source)
    const file = isAddress ? { url: source } : { path: source }
    const id = await tare.images.import({
      from: source === '-' ? { bytes: inputBytes({ streams, signal }) } : file,
      name,
      message: flags.message,
      changes: flags.change,
      platform: flags.platform,
      signal,
    })
    await print(streams, `${id}\n`)
    return 0
  },
})
