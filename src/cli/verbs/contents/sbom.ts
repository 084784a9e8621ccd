import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { printData } from '../../streams.ts'
import { jsonPieces } from '../../text/json-pieces.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

const formats = ['spdx', 'cyclonedx'] as const

export const sbom = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `Prints JSON: the packages in the image's databases (apk, dpkg, rpm, npm, pip), and every file with its digests. Equal
images have equal documents.

${aboutImage}`,
  args: { least: 1, most: 1 },
  flags: {
    ...lookFlags,
    files: { type: 'bool', help: 'List every file, with SHA-1 and SHA-256', default: true },
    format: { type: 'string', help: 'Format: "spdx" (SPDX 2.3, default) or "cyclonedx" (CycloneDX 1.6)' },
  },
  run: async ({ args, ...call }) => {
    const { flags } = call
    const format = formats.find((one) => one === (flags.format ?? 'spdx'))
    if (format === undefined)
      throw new UsageError(
        `invalid argument "${flags.format}" for "--format" flag: must be one of ${formats.join(', ')}`,
      )
    const tare = await call.open()
    const { files } = flags
    const document = await look(call, args[0]!, (options) => tare.images.sbom({ ...options, format, files }))
    for (const piece of jsonPieces(document)) await printData(call.streams, piece, 'json')
    await printData(call.streams, '\n', 'json')
    return 0
  },
})
