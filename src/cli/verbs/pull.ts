import { silent } from '../../index.ts'
import { defineVerb } from '../command.ts'
import { write } from '../streams.ts'

export const pull = defineVerb({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  args: { least: 1, most: 1 },
  flags: {
    'all-tags': { type: 'bool', short: 'a', help: 'Download all tagged images in the repository', notYet: true },
    'disable-content-trust': { type: 'bool', help: 'Skip image verification', hidden: true },
    insecure: { type: 'bool', help: 'Do not check certificates, and allow plain HTTP' },
    platform: { type: 'string', help: 'Take the image for this platform' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const tare = await call.open()
    const name = args[0]!
    const layers: string[] = []
    const result = await tare.pull({
      name,
      platform: flags.platform,
      insecure: flags.insecure,
      signal,
      report: flags.quiet
        ? silent
        : (event) => {
            if (event.type === 'transfer' && event.done) layers.push(event.digest.slice('sha256:'.length, 19))
          },
    })
    if (flags.quiet) {
      await write(streams.stdout, `${result.fullName}\n`)
      return 0
    }
    const lines = [
      ...layers.map((layer) => `${layer}: Pull complete`),
      `Digest: ${result.digest}`,
      `Status: ${result.current ? 'Image is up to date' : 'Downloaded newer image'} for ${result.name}`,
      result.fullName,
    ]
    await write(streams.stdout, lines.map((line) => `${line}\n`).join(''))
    return 0
  },
})
