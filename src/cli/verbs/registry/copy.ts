import { writeFileSync } from 'node:fs'
import { defineVerb } from '../../command.ts'
import { withTransfers } from '../../progress-output.ts'
import { copied } from '../../render/transfers.ts'
import { print, tell } from '../../streams.ts'
import { readImageKind } from '../images/image-kind.ts'
import { loginFlags } from './login-flags.ts'

export const copy = defineVerb({
  usage: '[OPTIONS] SOURCE TARGET',
  about: `SOURCE and TARGET are one of
  [docker://]NAME[:TAG|@DIGEST]   an image of a registry
  store:NAME                      an image of tare's store
  oci:PATH[:TAG]                  an OCI layout in a folder
  oci-archive:PATH[:TAG]          an OCI layout in a tar file
  docker-archive:PATH[:NAME]      what docker save writes`,
  args: { least: 2, most: 2 },
  flags: {
    ...loginFlags,
    'additional-tag': {
      type: 'list',
      placeholder: 'tag',
      help: 'Additional tag, or additional name in the store or a docker archive',
    },
    all: {
      type: 'bool',
      short: 'a',
      help: "Copy all platforms or fail (default: all that the destination supports), and cosign's tags",
    },
    compression: { type: 'string', help: 'How to compress plain layers for a registry: "gzip" (default) or "zstd"' },
    'compression-level': { type: 'string', help: '1 to 9 for gzip (default: 4), 1 to 19 for zstd (default: 3)' },
    digestfile: { type: 'string', placeholder: 'file', help: 'Write the digest of the copy to the file' },
    format: { type: 'string', help: 'Manifest format: "oci" or "docker" (default: unchanged)' },
    insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
    platform: { type: 'strings', help: 'Copy only these platforms (comma-separated)' },
    'preserve-digests': { type: 'bool', help: 'Fail if the digest cannot be preserved' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
    referrers: { type: 'bool', help: 'Also copy referrers: signatures, SBOMs, attestations' },
  },
  run: async (call) => {
    const { args, flags, streams, signal } = call
    const { format, compression, compressionLevel } = readImageKind(flags)
    const tare = await call.open()
    const options = {
      ...{ from: args[0]!, to: args[1]!, format, compression, compressionLevel, insecure: flags.insecure, signal },
      ...{ platforms: flags.platform, allPlatforms: flags.all, preserveDigests: flags['preserve-digests'] },
      additionalTags: flags['additional-tag'],
      referrers: flags.referrers,
    }
    const result = await withTransfers(call, copied, 'stderr', (report) => tare.registry.copy({ ...options, report }))
    const { digest, fullName, previousDigest, skipped, referrers } = result
    if (flags.digestfile !== undefined) writeFileSync(flags.digestfile, `${digest}\n`)
    await print(streams, flags.quiet ? `${fullName}\n` : `Digest: ${digest}\n${fullName}\n`)
    if (!flags.quiet) for (const one of referrers) await tell(streams, `Referrer: ${one}\n`)
    for (const { platform, why } of skipped) await tell(streams, `without ${platform}: ${why}\n`)
    if (previousDigest !== undefined && !flags.quiet)
      await tell(streams, `The digest changed; it was ${previousDigest}\n`)
    return 0
  },
})
