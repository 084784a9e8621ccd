import type { PushOptions, Reporter, Tare } from '../../index.ts'
import type { Call } from '../command.ts'
import { Failure, notYet } from '../failure.ts'
import { withTransfers } from '../progress-output.ts'
import type { ProgressMode } from '../render/progress.ts'
import { pushed } from '../render/transfers.ts'
import { tell, writeBytes } from '../streams.ts'
import type { BuildFlags } from './build-flags.ts'
import { compressions, levelOf } from './image-kind.ts'

/** Where an image goes besides the store. */
export type Output =
  /** An archive; `to` is a file's path, or `-`: standard output. */
  | { readonly kind: 'archive'; readonly format: 'docker' | 'oci'; readonly to: string }
  /** The store alone, with every layer. */
  | { readonly kind: 'load' }
  /** The registries that its names speak of. */
  | { readonly kind: 'push'; readonly options: Omit<PushOptions, 'name'> }

/** What `--output`, `--load` and `--push` ask for besides the store. Throws for what tare cannot write yet. */
export function readOutputs({ flags, streams }: Pick<Call<BuildFlags>, 'flags' | 'streams'>): readonly Output[] {
  const outputs = flags.output.flatMap((text) => {
    const output = readOutput(text)
    if (output?.kind === 'archive' && output.to === '-' && streams.stdout.isTTY)
      throw new Failure('dest file is required for the exporter: refusing to write to a terminal')
    return output === undefined ? [] : [output]
  })
  if (flags.load) outputs.push({ kind: 'load' })
  const isPushed = outputs.some(({ kind }) => kind === 'push')
  if (flags.push && !isPushed) outputs.push({ kind: 'push', options: {} })
  if ((flags.push || isPushed) && flags.tag.length === 0)
    throw new Failure('tag is needed when pushing to registry', {
      remedy: 'Name the image with -t REGISTRY/REPOSITORY:TAG.',
    })
  return outputs
}

const remedy = 'type=registry, type=docker, type=oci and type=image are.'

function readOutput(text: string): Output | undefined {
  const pairs = new Map(
    text.split(',').map((pair) => [pair.split('=', 1)[0]!.toLowerCase(), pair.replace(/^[^=]*=?/, '')]),
  )
  const type = pairs.get('type')
  if (type === undefined) throw notYet(text === '-' ? '--output type=tar' : '--output type=local', remedy)
  const to = pairs.get('dest')
  if (pairs.get('tar') === 'false') throw notYet('--output tar=false', remedy)
  if (pairs.has('name')) throw notYet('--output name=', 'Name the image with -t.')
  if (type === 'registry' || (type === 'image' && pairs.get('push') === 'true')) return readPush(pairs)
  if (type === 'oci') return { kind: 'archive', format: 'oci', to: to ?? '-' }
  if (type === 'docker') return to === undefined ? { kind: 'load' } : { kind: 'archive', format: 'docker', to }
  if (type === 'image') return undefined
  if (type === 'local' || type === 'tar' || type === 'cacheonly') throw notYet(`--output type=${type}`, remedy)
  throw new Failure(`exporter ${JSON.stringify(type)} could not be found`, { remedy })
}

function readPush(pairs: ReadonlyMap<string, string>): Output {
  const asked = pairs.get('compression')
  const compression = compressions.find((candidate) => candidate === asked)
  if (asked !== undefined && compression === undefined)
    throw notYet(`--output compression=${asked}`, 'gzip and zstd are.')
  if (pairs.get('push-by-digest') === 'true') throw notYet('--output push-by-digest=true', 'Name the image with -t.')
  const mediaTypes = pairs.get('oci-mediatypes')
  return {
    kind: 'push',
    options: {
      compression,
      compressionLevel: levelOf(pairs.get('compression-level'), compression ?? 'gzip'),
      forceCompression: pairs.get('force-compression') === 'true',
      insecure: pairs.get('registry.insecure') === 'true',
      format: mediaTypes === undefined ? undefined : mediaTypes === 'false' ? 'docker' : 'oci',
    },
  }
}

/** Writes the archives, and pushes. `names` are those of the image just built, or its id. */
export async function writeOutputs(
  outputs: readonly Output[],
  names: readonly string[],
  tare: Tare,
  call: Call<BuildFlags>,
  mode: ProgressMode,
): Promise<void> {
  const { streams, signal, flags } = call
  const shows = mode !== 'none' && mode !== 'quiet' && mode !== 'rawjson'
  for (const output of outputs) {
    if (output.kind === 'archive') {
      const { format, to } = output
      const target = to === '-' ? { write: (chunk: Uint8Array) => writeBytes(streams.stdout, chunk) } : { path: to }
      await tare.save({ names, format, to: target, signal })
      continue
    }
    if (output.kind !== 'push') continue
    for (const name of names) {
      const push = (report: Reporter) => tare.push({ ...output.options, name, signal, report })
      const { fullName, digest } = await withTransfers({ ...call, flags: { quiet: !shows } }, pushed, 'stderr', push)
      if (!flags.quiet) await tell(streams, `pushed ${fullName}@${digest}\n`)
    }
  }
}
