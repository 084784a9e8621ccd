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
    // Each line when it is true; what a line could not be written for is said at the end.
    let said: Promise<void> = Promise.resolve()
    const say = (line: string) => {
      said = said.then(() => write(streams.stdout, `${line}\n`))
      said.catch(() => {})
    }
    const result = await tare.pull({
      name: args[0]!,
      platform: flags.platform,
      insecure: flags.insecure,
      signal,
      report: flags.quiet
        ? silent
        : (event) => {
            if (event.type === 'transfer' && event.done)
              say(`${event.digest.slice('sha256:'.length, 19)}: Pull complete`)
          },
    })
    if (!flags.quiet) {
      say(`Digest: ${result.digest}`)
      say(`Status: ${result.current ? 'Image is up to date' : 'Downloaded newer image'} for ${result.name}`)
    }
    say(result.fullName)
    await said
    return 0
  },
})
