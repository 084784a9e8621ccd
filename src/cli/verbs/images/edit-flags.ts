import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EditOptions, EditResult, Tare } from '../../../index.ts'
import type { Call } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import type { FlagTable } from '../../flags.ts'
import { withTransfers } from '../../progress-output.ts'
import { copied } from '../../render/transfers.ts'
import { print } from '../../streams.ts'
import { loginFlags } from '../registry/login-flags.ts'

/** What every verb takes that makes an image of another without building. */
export const editFlags = {
  ...loginFlags,
  insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
  output: {
    type: 'string',
    short: 'o',
    placeholder: 'file',
    help: 'Write the result to this archive, as docker save does, with the name of --tag',
  },
  platform: { type: 'strings', help: 'Only these platforms of an index (comma-separated)' },
  quiet: { type: 'bool', short: 'q', help: 'Suppress progress' },
  tag: {
    type: 'string',
    short: 't',
    placeholder: 'name',
    help: 'Name of the result; without a transport, it goes where IMAGE is',
  },
} as const satisfies FlagTable

export const aboutEdit = `IMAGE is the name or ID of an image in the store, the path of an archive or an OCI layout, or a name in a registry.
A prefix makes the transport explicit: docker://NAME, oci:PATH[:TAG]. If it is an index, each of its images is changed.

Prints the image ID of a result in the store, and the name and digest of one in a registry.`

/** Makes the image, and prints what it is now called. */
export async function edited(
  call: Call<typeof editFlags>,
  image: string,
  work: (options: EditOptions, tare: Tare) => Promise<EditResult>,
): Promise<number> {
  const { flags, streams, signal } = call
  const tare = await call.open()
  if (flags.output !== undefined) return archived(call, flags.output, image, (options) => work(options, tare), tare)
  const options = { image, to: flags.tag, platforms: flags.platform, insecure: flags.insecure, signal }
  const result = await withTransfers(call, copied, 'stderr', (report) => work({ ...options, report }, tare))
  await print(streams, `${shown(result)}\n`)
  return 0
}

/** As crane's --output: an image is edited into a layout, and copied from there. */
async function archived(
  call: Call<typeof editFlags>,
  path: string,
  image: string,
  work: (options: EditOptions) => Promise<EditResult>,
  tare: Tare,
): Promise<number> {
  const { flags, streams, signal } = call
  const { insecure, tag, platform: platforms } = flags
  const folder = mkdtempSync(join(tmpdir(), 'tare-edit-'))
  try {
    const between = `oci:${join(folder, 'layout')}:result`
    await withTransfers(call, copied, 'stderr', async (report) => {
      await work({ image, to: between, platforms, insecure, signal, report })
      const to = `docker-archive:${path}${tag === undefined ? '' : `:${tag}`}`
      await tare.registry.copy({ from: between, to, signal })
    })
    await print(streams, `${path}\n`)
    return 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** In a registry the repository with the digest, in the store the image ID, or the digest of an index. */
function shown({ fullName, digest, images }: EditResult): string {
  if (/^oci(?:-archive)?:/.test(fullName)) return fullName
  if (fullName.startsWith('store:')) return images.length === 1 ? images[0]!.id : digest
  return `${fullName.replace(/@.*$|:[^:/]+$/, '')}@${digest}`
}

/** Reads `key=value`, `what` being what it is called. */
export function readPairs(texts: readonly string[], what: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const sign = text.indexOf('=')
      if (sign < 1) throw new UsageError(`invalid ${what} "${text}"`, 'Write key=value.')
      return [text.slice(0, sign), text.slice(sign + 1)]
    }),
  )
}

/** Returns SOURCE_DATE_EPOCH, if it is set. */
export function epochOf(env: NodeJS.ProcessEnv): number | undefined {
  const text = env['SOURCE_DATE_EPOCH']
  if (text === undefined || text === '') return undefined
  const latest = 253_402_300_799
  if (/^\d{1,12}$/.test(text) && Number(text) <= latest) return Number(text)
  throw new UsageError(`invalid SOURCE_DATE_EPOCH "${text}"`, 'Set it to seconds since 1970.')
}
