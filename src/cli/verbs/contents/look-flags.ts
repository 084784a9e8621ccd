import type { LookOptions, Reporter } from '../../../index.ts'
import type { VerbContext } from '../../command.ts'
import type { FlagTable } from '../../flags.ts'
import { withTransfers } from '../../progress-output.ts'
import type { Outcomes } from '../../render/transfers.ts'
import { tell } from '../../streams.ts'
import { humanSize } from '../../text/human.ts'
import { printable } from '../../text/printable.ts'
import { loginFlags } from '../registry/login-flags.ts'

/** What every verb takes that looks into an image. */
export const lookFlags = {
  ...loginFlags,
  insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
  platform: { type: 'string', help: 'Platform of an index, such as linux/arm64' },
} as const satisfies FlagTable

export const jsonFlag = { json: { type: 'bool', help: 'Print the result as JSON' } } as const satisfies FlagTable

export const aboutImage = `IMAGE is the name or ID of an image in the store, the path of an archive or an OCI layout, or a name in a registry.
A prefix makes the transport explicit: docker://NAME, oci:PATH[:TAG], docker-archive:PATH[:NAME].`

const outcomes: Outcomes = { transferred: 'Read', existing: 'Already exists', mounted: 'Already exists' }

interface LookCall extends Pick<VerbContext, 'streams' | 'env' | 'now' | 'signal'> {
  readonly flags: { readonly insecure: boolean; readonly platform: string | undefined }
}

/** Looks into an image: shows the layers that are read for it, and says how many bytes of a registry that were. */
export async function look<T>(call: LookCall, image: string, work: (options: LookOptions) => Promise<T>): Promise<T> {
  const { insecure, platform } = call.flags
  const read = new Map<string, number>()
  const counting =
    (report: Reporter): Reporter =>
    (event) => {
      if (event.type === 'transfer' && event.phase === 'downloading') read.set(event.digest, event.current)
      report(event)
    }
  const quiet = { ...call, flags: { quiet: call.streams.stderr.isTTY !== true } }
  const result = await withTransfers(quiet, outcomes, 'stderr', (report) =>
    work({ image, insecure, platform, signal: call.signal, report: counting(report) }),
  )
  if (read.size > 0) {
    const sum = [...read.values()].reduce((total, bytes) => total + bytes, 0)
    const layers = read.size === 1 ? '1 layer' : `${read.size} layers`
    await tell(call.streams, `Read ${humanSize(sum)} in ${layers} from ${printable(image)}\n`)
  }
  return result
}
