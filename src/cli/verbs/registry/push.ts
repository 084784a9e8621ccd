import { writeFileSync } from 'node:fs'
import type { PushResult, Reporter } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { withTransfers } from '../../progress-output.ts'
import { pushed } from '../../render/transfers.ts'
import { print, tell } from '../../streams.ts'
import { fullName } from '../build/build-files.ts'
import { readImageKind } from '../images/image-kind.ts'
import { loginFlags } from './login-flags.ts'
import { refuseTag } from './pull.ts'

export const push = defineVerb({
  usage: '[OPTIONS] NAME[:TAG]',
  args: { least: 1, most: 1 },
  flags: {
    ...loginFlags,
    'all-tags': { type: 'bool', short: 'a', help: 'Push all tags of an image to the repository' },
    compression: { type: 'string', help: 'How to compress layers: "gzip" or "zstd" (default: as before, else "gzip")' },
    'compression-level': { type: 'string', help: '1 to 9 for gzip (default: 4), 1 to 19 for zstd (default: 3)' },
    digestfile: { type: 'string', placeholder: 'file', help: 'Write the pushed digest to the file' },
    'disable-content-trust': { type: 'bool', help: 'Skip image signing', hidden: true },
    'force-compression': { type: 'bool', help: 'Recompress pulled layers that use another compression' },
    format: { type: 'string', help: 'Manifest format: "oci" or "docker" (default: as pulled, else "oci")' },
    insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
    platform: { type: 'string', help: 'Push only one platform of the image' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  run: async (call) => {
    const { args, flags, streams, signal } = call
    const { format, compression, compressionLevel } = readImageKind(flags)
    if (compression === 'zstd' && format === 'docker')
      throw new UsageError('zstd layers need --format oci', 'Docker’s manifest format does not support them.')
    if (flags['all-tags']) refuseTag(args[0]!)
    const tare = await call.open()
    const options = {
      ...{ name: args[0]!, format, compression, compressionLevel, platform: flags.platform },
      ...{ insecure: flags.insecure, forceCompression: flags['force-compression'], signal },
    }
    const title = `The push refers to repository [${repositoryOf(fullName(args[0]!))}]\n`
    const send = async (report: Reporter) =>
      flags['all-tags']
        ? tare.registry.pushAll({ ...options, report })
        : [await tare.registry.push({ ...options, report })]
    const all = await withTransfers(call, pushed, 'stdout', send, title)
    if (flags.digestfile !== undefined) writeFileSync(flags.digestfile, all.map(({ digest }) => `${digest}\n`).join(''))
    for (const result of all) {
      await print(streams, flags.quiet ? `${result.fullName}\n` : formatPushed(result))
      if (result.previousDigest !== undefined)
        await tell(
          streams,
          `${result.fullName} was pulled with another digest, which could not be preserved: ${result.previousDigest}\n`,
        )
    }
    return 0
  },
})

function formatPushed({ fullName, digest, size }: PushResult): string {
  return `${fullName.slice(repositoryOf(fullName).length + 1)}: digest: ${digest} size: ${size}\n`
}

/** Returns the name without its tag: `docker.io/library/app`. */
function repositoryOf(name: string): string {
  return name.replace(/:[^/]*$/, '')
}
