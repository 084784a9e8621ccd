import type { Reporter } from '../../index.ts'
import { defineVerb } from '../command.ts'
import { UsageError } from '../failure.ts'
import { print, tell } from '../streams.ts'

export const pull = defineVerb({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  args: { least: 1, most: 1 },
  flags: {
    'all-platforms': { type: 'bool', help: 'Take the images for all platforms, under one name' },
    'all-tags': { type: 'bool', short: 'a', help: 'Download all tagged images in the repository' },
    'disable-content-trust': { type: 'bool', help: 'Skip image verification', hidden: true },
    insecure: { type: 'bool', help: 'Do not check certificates, and allow plain HTTP' },
    platform: { type: 'string', help: 'Take the image for this platform' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const name = args[0]!
    if (flags['all-tags']) refuseTag(name)
    if (flags['all-platforms'] && flags.platform !== undefined)
      throw new UsageError('--platform and --all-platforms cannot be used together')
    const tare = await call.open()
    // Each line when it is true; what a line could not be written for is said at the end.
    let said: Promise<void> = Promise.resolve()
    const say = (line: string) => {
      said = said.then(() => print(streams, `${line}\n`))
      said.catch(() => {})
    }
    const warnings: string[] = []
    const report: Reporter = (event) => {
      if (event.type === 'warning') warnings.push(event.message)
      if (!flags.quiet && event.type === 'transfer' && event.done)
        say(`${event.digest.slice('sha256:'.length, 19)}: Pull complete`)
    }
    const options = {
      ...{ name, platform: flags.platform, allPlatforms: flags['all-platforms'], insecure: flags.insecure, signal },
      report,
    }
    const { pulled, skipped } = flags['all-tags']
      ? await tare.pullAll(options)
      : { pulled: [await tare.pull(options)], skipped: [] }
    for (const result of pulled) {
      if (!flags.quiet) {
        say(`Digest: ${result.digest}`)
        say(`Status: ${result.current ? 'Image is up to date' : 'Downloaded newer image'} for ${result.name}`)
      }
      say(result.fullName)
    }
    await said
    for (const warning of warnings) await tell(streams, `WARNING: ${warning}\n`)
    for (const result of pulled)
      for (const { platform, why } of result.skipped)
        await tell(streams, `${result.name}: without ${platform}: ${why}\n`)
    for (const { name: left, why } of skipped) await tell(streams, `${left} was left out: ${why}\n`)
    return pulled.length === 0 ? 1 : 0
  },
})

/** Docker's words: with all tags, none can be named. */
export function refuseTag(name: string): void {
  if (/:[^/]*$|@/.test(name)) throw new UsageError("tag can't be used with --all-tags/-a")
}
