import type { VerbContext } from './command.ts'
import type { ProgressOutput } from './render/renderer.ts'
import { type Outcomes, showTransfers, type Transfers } from './render/transfers.ts'
import { tell, writeDrawn } from './streams.ts'

/** Returns where progress goes: standard error, or standard output for verbs whose progress docker prints there. */
export function progressOutput(
  { streams, env, now }: Pick<VerbContext, 'streams' | 'env' | 'now'>,
  to: 'stdout' | 'stderr' = 'stderr',
): ProgressOutput {
  // Not touched before there is something to show, since Node takes a while to create it.
  return {
    write: (text) => void streams[to].write(text),
    get isTerminal() {
      return streams[to].isTTY === true
    },
    size: () => ({ columns: streams[to].columns || 80, rows: streams[to].rows || 24 }),
    env,
    now,
  }
}

/** Runs work and shows its layers below a title, unless it is to be quiet; warnings are printed at the end. */
export async function withTransfers<T>(
  call: Pick<VerbContext, 'streams' | 'env' | 'now'> & { readonly flags: { readonly quiet: boolean } },
  outcomes: Outcomes,
  to: 'stdout' | 'stderr',
  work: (report: Transfers['report']) => Promise<T>,
  title = '',
): Promise<T> {
  const warnings: string[] = []
  const result = await withLayers(call, outcomes, to, title, (report) =>
    work((event) => {
      if (event.type === 'warning') warnings.push(event.message)
      else report(event)
    }),
  )
  for (const warning of warnings) await tell(call.streams, `WARNING: ${warning}\n`)
  return result
}

async function withLayers<T>(
  call: Pick<VerbContext, 'streams' | 'env' | 'now'> & { readonly flags: { readonly quiet: boolean } },
  outcomes: Outcomes,
  to: 'stdout' | 'stderr',
  title: string,
  work: (report: Transfers['report']) => Promise<T>,
): Promise<T> {
  if (call.flags.quiet) return work(() => {})
  let written: Promise<void> = Promise.resolve()
  const write = (text: string) => {
    const now = writeDrawn(call.streams[to], text)
    written = written.then(() => now)
    written.catch(() => {})
  }
  const transfers = showTransfers({ ...progressOutput(call, to), write }, outcomes)
  let untold = title
  const begin = () => {
    if (untold !== '') write(untold)
    untold = ''
  }
  let result: T
  try {
    result = await work((event) => {
      if (event.type === 'transfer') begin()
      transfers.report(event)
    })
    begin()
  } finally {
    transfers.finish()
  }
  // A result that could not be written is reported after the work.
  if (to === 'stdout') await written
  return result
}
