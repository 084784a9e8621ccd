import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { printData } from '../../streams.ts'
import { loginFlags } from '../registry/login-flags.ts'

const formats = ['spdx', 'cyclonedx'] as const

export const sbom = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `Prints the software bill of materials of an image as JSON: the packages that its databases list (apk, dpkg, rpm, npm, pip), and every
file with its digests. The same image has the same document. IMAGE is a name in the store or in a registry, or a transport such as
oci:PATH or docker-archive:PATH.`,
  args: { least: 1, most: 1 },
  flags: {
    ...loginFlags,
    files: { type: 'bool', help: 'List every file, with SHA-1 and SHA-256', default: true },
    format: { type: 'string', help: 'Format: "spdx" (SPDX 2.3, default) or "cyclonedx" (CycloneDX 1.6)' },
    platform: { type: 'string', help: 'Platform of an index, such as linux/arm64' },
  },
  run: async ({ args, flags, ...call }) => {
    const format = formats.find((one) => one === (flags.format ?? 'spdx'))
    if (format === undefined)
      throw new UsageError(
        `invalid argument "${flags.format}" for "--format" flag: must be one of ${formats.join(', ')}`,
      )
    const tare = await call.open()
    const { platform, files } = flags
    const document = await tare.images.sbom({ image: args[0]!, platform, format, files, signal: call.signal })
    await printData(call.streams, `${JSON.stringify(document, undefined, 2)}\n`, 'json')
    return 0
  },
})
