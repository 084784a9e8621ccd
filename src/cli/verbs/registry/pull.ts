import type { PullResult } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { withTransfers } from '../../progress-output.ts'
import { pulled as outcomes } from '../../render/transfers.ts'
import { print, tell } from '../../streams.ts'
import { printable } from '../../text/printable.ts'
import { loginFlags } from './login-flags.ts'

export const pull = defineVerb({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  args: { least: 1, most: 1 },
  flags: {
    ...loginFlags,
    'all-platforms': { type: 'bool', help: 'Pull the images for all platforms under one name' },
    'all-tags': { type: 'bool', short: 'a', help: 'Download all tagged images in the repository' },
    'disable-content-trust': { type: 'bool', help: 'Skip image verification', hidden: true },
    insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
    platform: { type: 'string', help: 'Pull the image for this platform' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  run: async (call) => {
    const { args, flags, streams, signal } = call
    const name = args[0]!
    if (flags['all-tags']) refuseTag(name)
    if (flags['all-platforms'] && flags.platform !== undefined)
      throw new UsageError('--platform and --all-platforms cannot be used together')
    const tare = await call.open()
    const { pulled, skipped } = await withTransfers(call, outcomes, 'stdout', async (report) => {
      const { insecure, platform } = flags
      const options = { name, platform, allPlatforms: flags['all-platforms'], insecure, signal, report }
      return flags['all-tags']
        ? tare.registry.pullAll(options)
        : { pulled: [await tare.registry.pull(options)], skipped: [] }
    })
    for (const result of pulled) await print(streams, formatPulled(result, flags.quiet))
    for (const result of pulled)
      for (const { platform, why } of result.skipped)
        await tell(streams, `${printable(`${result.name}: without ${platform}: ${why}`)}\n`)
    for (const { name: left, why } of skipped) await tell(streams, `${printable(`${left} was left out: ${why}`)}\n`)
    return pulled.length === 0 ? 1 : 0
  },
})

function formatPulled({ name, fullName, digest, upToDate }: PullResult, quiet: boolean): string {
  if (quiet) return `${fullName}\n`
  const status = upToDate ? 'Image is up to date' : 'Downloaded newer image'
  return `Digest: ${digest}\nStatus: ${status} for ${name}\n${fullName}\n`
}

/** In docker's words: --all-tags excludes a tag. */
export function refuseTag(name: string): void {
  if (/:[^/]*$|@/.test(name)) throw new UsageError("tag can't be used with --all-tags/-a")
}
