import type { ImageDetails } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { Failure } from '../../failure.ts'
import { reportError } from '../../print-error.ts'
import { formOf } from '../../print-listing.ts'
import { printData, tell } from '../../streams.ts'
import { compileTemplate } from '../../template/template.ts'
import { formatJson } from '../../template/values.ts'
import { printable } from '../../text/printable.ts'
import { inspectFormatHelp } from './format-help.ts'
import { detailsStruct } from './inspect-struct.ts'

export const inspect = defineVerb({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  args: { least: 1, most: Number.POSITIVE_INFINITY },
  flags: {
    format: { type: 'string', short: 'f', help: inspectFormatHelp },
    platform: { type: 'string', help: 'Inspect a specific platform of the multi-platform image', notYet: true },
    size: { type: 'bool', short: 's', help: 'Display total file sizes', hidden: true },
    type: { type: 'string', help: 'Only inspect objects of the given type' },
  },
  run: async ({ args, flags, streams, signal, debug, ...call }) => {
    if (flags.type !== undefined && flags.type !== 'image')
      throw new Failure(`"${flags.type}" is not a valid value for --type`, { remedy: 'tare has only images.' })
    const format = compileFormat(flags.format)
    const tare = await call.open()
    const found: ImageDetails[] = []
    const complaints: string[] = []
    for (const name of args) {
      try {
        found.push(await tare.images.inspect(name, { signal }))
      } catch (error) {
        if (signal.aborted) throw error
        complaints.push(await complain(error, name, debug))
      }
    }
    await printData(streams, format(found), flags.format ? formOf(flags.format) : 'json')
    await tell(streams, complaints.join(''))
    return complaints.length === 0 ? 0 : 1
  },
})

/** Returns how to print the images found. A template is parsed before any image is looked up. */
function compileFormat(format: string | undefined): (found: readonly ImageDetails[]) => string {
  if (format === undefined || format === '')
    return (found) => `${found.length === 0 ? '[]' : JSON.stringify(found, undefined, 4)}\n`
  if (format === 'json') return (found) => `${formatJson(found)}\n`
  const template = compileTemplate(format)
  // docker prints an empty line if nothing was found, for scripts that read one line.
  return (found) =>
    found.length === 0 ? '\n' : found.map((details) => `${template.fill(detailsStruct(details))}\n`).join('')
}

async function complain(error: unknown, name: string, debug: boolean): Promise<string> {
  if ((error as { code?: unknown }).code === 'IMAGE_UNKNOWN')
    return `Error response from tare: No such image: ${printable(name)}\n`
  return (await reportError(error, 'inspect', debug)).text
}
