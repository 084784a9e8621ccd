import type { Referrer } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { printListing } from '../../print-listing.ts'
import { humanSize } from '../../text/human.ts'
import type { Row } from '../../text/listing.ts'
import { formatHelp } from '../images/format-help.ts'
import { loginFlags } from './login-flags.ts'

const headings = {
  ...{ Digest: 'DIGEST', ArtifactType: 'ARTIFACT TYPE', MediaType: 'MEDIA TYPE', Size: 'SIZE' },
  ...{ Annotations: 'ANNOTATIONS', CreatedAt: 'CREATED AT' },
}

export const referrers = defineVerb({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  args: { least: 1, most: 1 },
  flags: {
    ...loginFlags,
    'artifact-type': { type: 'string', help: 'List only this artifact type' },
    format: { type: 'string', help: formatHelp },
    insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
    platform: { type: 'string', help: 'List those of the image for this platform' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const tare = await call.open()
    const { insecure, platform } = flags
    const artifactType = flags['artifact-type']
    const found = await tare.registry.referrers({ name: args[0]!, artifactType, platform, insecure, signal })
    await printListing(streams, found.map(referrerRow), {
      format: flags.format,
      table: '{{.Digest}}\t{{.ArtifactType}}\t{{.Size}}\t{{.CreatedAt}}',
      headings,
      type: '*formatter.referrerContext',
    })
    return 0
  },
})

function referrerRow({ digest, mediaType, size, artifactType, annotations }: Referrer): Row {
  return {
    Annotations: Object.entries(annotations)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(','),
    ArtifactType: artifactType,
    CreatedAt: annotations['org.opencontainers.image.created'] ?? '',
    Digest: digest,
    MediaType: mediaType,
    Size: humanSize(size, 3),
  }
}
