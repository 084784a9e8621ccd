import type { Tare } from '../../index.ts'
import type { Call } from '../command.ts'
import { Failure, notYet } from '../failure.ts'
import { write } from '../streams.ts'
import type { BuildFlags } from './build-flags.ts'

/** An archive to write beside the image in the store. */
export interface ArchiveOutput {
  readonly format: 'docker' | 'oci'
  /** A file's path, or `-`: standard output. */
  readonly to: string
}

/** What `--output`, `--load` and `--push` ask for besides the store. Throws for what tare cannot write yet. */
export function readOutputs({ flags, streams }: Pick<Call<BuildFlags>, 'flags' | 'streams'>): readonly ArchiveOutput[] {
  if (flags.push) throw notYet('--push', 'Write the image to a file with tare save, and push that with another tool.')
  return flags.output.flatMap((text) => {
    const output = readOutput(text)
    if (output?.to === '-' && streams.stdout.isTTY)
      throw new Failure('dest file is required for the exporter: refusing to write to a terminal')
    return output === undefined ? [] : [output]
  })
}

const remedy = 'type=docker, type=oci and type=image are.'

function readOutput(text: string): ArchiveOutput | undefined {
  const pairs = new Map(
    text.split(',').map((pair) => [pair.split('=', 1)[0]!.toLowerCase(), pair.replace(/^[^=]*=?/, '')]),
  )
  const type = pairs.get('type')
  if (type === undefined) throw notYet(text === '-' ? '--output type=tar' : '--output type=local', remedy)
  const to = pairs.get('dest')
  const isPushed = pairs.get('push') === 'true' || type === 'registry'
  if (isPushed) throw notYet('--output that pushes', remedy)
  if (pairs.get('tar') === 'false') throw notYet('--output tar=false', remedy)
  if (pairs.has('name')) throw notYet('--output name=', 'Name the image with -t.')
  if (type === 'oci') return { format: 'oci', to: to ?? '-' }
  if (type === 'docker') return to === undefined ? undefined : { format: 'docker', to }
  if (type === 'image') return undefined
  if (type === 'local' || type === 'tar' || type === 'cacheonly') throw notYet(`--output type=${type}`, remedy)
  throw new Failure(`exporter ${JSON.stringify(type)} could not be found`, { remedy })
}

/** Writes the archives. `names` are those of the image just built, or its id. */
export async function writeOutputs(
  outputs: readonly ArchiveOutput[],
  names: readonly string[],
  tare: Tare,
  { streams, signal }: Pick<Call, 'streams' | 'signal'>,
): Promise<void> {
  for (const { format, to } of outputs) {
    const target = to === '-' ? { write: (chunk: Uint8Array) => write(streams.stdout, chunk) } : { path: to }
    await tare.save({ names, format, to: target, signal })
  }
}
