import { defineVerb } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import { tell, writeBytes } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'
import { printable } from '../../text/printable.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

export const copyOut = defineVerb({
  usage: '[OPTIONS] IMAGE:PATH DEST|-',
  about: `Follows the rules of docker cp: copies into DEST if that is a directory, and otherwise to that name. PATH/. means the
contents of the directory, and "-" a tar on STDOUT. Nothing is written through symbolic links below DEST.

${aboutImage}`,
  args: { least: 2, most: 2 },
  flags: {
    ...lookFlags,
    archive: { type: 'bool', short: 'a', help: 'Keep owners and all permission bits (needs root)' },
    'follow-link': { type: 'bool', short: 'L', help: 'Follow PATH where it is a symbolic link' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress the summary' },
  },
  run: async ({ args, ...call }) => {
    const { flags, streams } = call
    const { image, path } = splitSource(args[0]!)
    const isStream = args[1] === '-'
    if (isStream && streams.stdout.isTTY)
      throw new Failure('cowardly refusing to write a tar to a terminal: redirect it')
    const tare = await call.open()
    const write = (chunk: Uint8Array) => writeBytes(streams.stdout, chunk)
    const to = isStream ? { write } : { path: args[1]! }
    const result = await look(call, image, (options) =>
      tare.images.copyOut({ ...options, path, to, archive: flags.archive, followLink: flags['follow-link'] }),
    )
    for (const skipped of result.skipped) await tell(streams, `${printable(skipped)} was left out: it is no file\n`)
    if (!isStream && !flags.quiet) await tell(streams, `Copied ${humanSize(result.size)} to ${printable(args[1]!)}\n`)
    return 0
  },
})

/** At the first colon before a slash, behind a transport; without one, at the last colon. */
export function splitSource(text: string): { readonly image: string; readonly path: string } {
  const scheme = /^(?:docker:\/\/|store:|oci:|oci-archive:|docker-archive:)/.exec(text)?.[0].length ?? 0
  const absolute = text.indexOf(':/', scheme)
  const colon = absolute >= 0 ? absolute : text.lastIndexOf(':')
  const [image, path] = [text.slice(0, colon), text.slice(colon + 1)]
  if (colon < scheme || image === '' || path === '')
    throw new UsageError(
      `"${text}" names no file of an image`,
      'Write it as IMAGE:PATH, such as alpine:3.19:/etc/passwd.',
    )
  return { image, path }
}
