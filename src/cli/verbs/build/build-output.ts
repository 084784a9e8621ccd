import type { BuildResult, PushOptions, PushResult, Reporter, Tare } from '../../../index.ts'
import type { Call } from '../../command.ts'
import { Failure, notYet } from '../../failure.ts'
import { withTransfers } from '../../progress-output.ts'
import type { ProgressMode } from '../../render/progress.ts'
import { pushed } from '../../render/transfers.ts'
import { tell, writeBytes } from '../../streams.ts'
import { compressions, levelOf } from '../images/image-kind.ts'
import { OutputFields } from '../images/output-fields.ts'
import { fullName } from './build-files.ts'
import type { BuildFlags } from './build-flags.ts'

interface Common {
  /** The image's names there; empty: those of the build. */
  readonly names: readonly string[]
}

/** Where an image goes besides the store. */
export type Output = Common &
  (
    | {
        /** An archive; `to` is a file's path, or `-` for standard output. */
        readonly kind: 'archive'
        readonly format: 'docker' | 'oci'
        readonly to: string
      }
    /** The store only, with every layer. */
    | { readonly kind: 'load' }
    /** The store only. */
    | { readonly kind: 'store' }
    /** The registries in its names. */
    | { readonly kind: 'push'; readonly options: Omit<PushOptions, 'name'> }
  )

/** What the outputs require from the build. */
export interface Outputs {
  readonly all: readonly Output[]
  readonly load: boolean
  /** The image's names in the store. */
  readonly tags: readonly string[]
  readonly rewriteTimestamp: boolean
}

/** Parses `--output`, `--load` and `--push`. Throws for what tare cannot write yet. */
export function readOutputs({ flags, streams }: Pick<Call<BuildFlags>, 'flags' | 'streams'>): Outputs {
  let rewriteTimestamp = flags['rewrite-timestamp']
  const all = flags.output.map((text) => {
    const fields = openFields(text)
    if (fields.takeSwitch('rewrite-timestamp') === true) rewriteTimestamp = true
    const output = readOutput(fields, flags.push)
    fields.finish()
    if (output.kind === 'archive' && output.to === '-' && streams.stdout.isTTY)
      throw new Failure('dest file is required for the exporter: refusing to write to a terminal')
    return output
  })
  if (flags.load && !all.some(({ kind }) => kind === 'load')) all.push({ kind: 'load', names: [] })
  const pushes = all.filter((output) => output.kind === 'push')
  if (flags.push && pushes.length === 0) all.push({ kind: 'push', names: [], options: {} })
  const named = all.flatMap(({ names }) => names)
  if (flags.tag.length > 0 && named.length > 0)
    throw new Failure('the image is named by -t and by name= of --output', { remedy: 'Use one of them.' })
  const tags = all.flatMap((output) => (output.kind === 'push' && output.options.byDigest ? [] : output.names))
  for (const output of all) if (output.kind === 'push') checkPush(output.options, output.names, flags.tag)
  const load = all.some(({ kind }) => kind === 'load')
  return { all, load, tags: [...flags.tag, ...new Set(tags)], rewriteTimestamp }
}

function checkPush({ byDigest }: Omit<PushOptions, 'name'>, names: readonly string[], tags: readonly string[]): void {
  const all = names.length > 0 ? names : tags
  if (all.length === 0)
    throw new Failure('tag is needed when pushing to registry', {
      remedy: 'Name the image with -t REGISTRY/REPOSITORY:TAG.',
    })
  const tagged = byDigest ? all.find((name) => /[:@][^/]*$/.test(name)) : undefined
  if (tagged !== undefined)
    throw new Failure(`can't push tagged ref ${tagged} by digest`, { remedy: 'Name the repository alone.' })
}

const remedy = 'Use type=registry, type=docker, type=oci or type=image.'

function openFields(text: string): OutputFields {
  if (!text.includes('=')) throw notYet(text === '-' ? '--output type=tar' : '--output type=local', remedy)
  return new OutputFields(text)
}

function readOutput(fields: OutputFields, isPushed: boolean): Output {
  const { type } = fields
  switch (type) {
    case 'registry':
      fields.expect('push', true)
      return readPush(fields, namesOf(fields))
    case 'image':
      return readImage(fields, isPushed)
    case 'oci':
    case 'docker':
      return readArchive(fields, type)
    case 'local':
    case 'tar':
    case 'cacheonly':
      throw notYet(`--output type=${type}`, remedy)
    default:
      throw new Failure(`exporter ${JSON.stringify(type)} could not be found`, { remedy })
  }
}

function readImage(fields: OutputFields, isPushed: boolean): Output {
  fields.expect('store', true)
  const names = namesOf(fields)
  const isMeant = fields.takeSwitch('push') ?? false
  const unpack = fields.takeSwitch('unpack') ?? false
  if (isMeant || isPushed) return readPush(fields, names)
  // Without a push, both are true anyway.
  fields.expect('push-by-digest', false)
  fields.expect('force-compression', false)
  return { kind: unpack ? 'load' : 'store', names }
}

function readArchive(fields: OutputFields, format: 'docker' | 'oci'): Output {
  const to = fields.take('dest') || undefined
  fields.expect('tar', true)
  // Layers are stored uncompressed, and remain so in an archive.
  const compression = fields.take('compression')
  if (compression !== undefined && compression !== 'uncompressed')
    throw notYet(`--output type=${format},compression=${compression}`, 'Layers are uncompressed in archives.')
  if (compression === 'uncompressed') fields.takeSwitch('force-compression')
  else fields.expect('force-compression', false)
  fields.expect('oci-mediatypes', true)
  fields.expect('push', false)
  const names = namesOf(fields)
  if (format === 'docker' && to === undefined) return { kind: 'load', names }
  return { kind: 'archive', format, to: to ?? '-', names }
}

function namesOf(fields: OutputFields): readonly string[] {
  return (fields.take('name') ?? '').split(',').flatMap((name) => name.trim() || [])
}

function readPush(fields: OutputFields, names: readonly string[]): Output {
  const { type } = fields
  const asked = fields.take('compression')
  const compression = compressions.find((candidate) => candidate === asked)
  if (asked !== undefined && compression === undefined)
    throw notYet(`--output type=${type},compression=${asked}`, 'Use gzip or zstd.')
  const oci = fields.takeSwitch('oci-mediatypes')
  const byDigest = fields.takeSwitch('push-by-digest')
  const canonical = fields.takeSwitch('name-canonical')
  if (canonical === true && byDigest !== true)
    throw notYet(`--output type=${type},name-canonical=true`, 'It requires push-by-digest=true.')
  const options = {
    compression,
    compressionLevel: levelOf(fields.take('compression-level'), compression ?? 'gzip'),
    forceCompression: fields.takeSwitch('force-compression'),
    insecure: fields.takeSwitch('registry.insecure') ?? fields.takeSwitch('insecure'),
    format: oci === undefined ? undefined : oci ? ('oci' as const) : ('docker' as const),
    byDigest,
    keepDigestName: canonical,
  }
  return { kind: 'push', names, options }
}

/** Returns the registries that the image goes to; none if it also goes elsewhere. */
export function registriesOf(outputs: readonly Output[], tags: readonly string[]): readonly string[] {
  if (outputs.some(({ kind }) => kind !== 'push')) return []
  const names = outputs.flatMap((output) => (output.names.length > 0 ? output.names : tags))
  return [...new Set(names.map((name) => fullName(name).split('/')[0]!))]
}

/** Writes the archives, and pushes. Returns the result of the first push. */
export async function writeOutputs(
  outputs: readonly Output[],
  { names, digest }: BuildResult,
  tare: Tare,
  call: Call<BuildFlags>,
  mode: ProgressMode,
): Promise<PushResult | undefined> {
  const { streams, signal, flags } = call
  const shows = mode !== 'none' && mode !== 'quiet' && mode !== 'rawjson'
  let first: PushResult | undefined
  for (const output of outputs) {
    const called = output.names.length > 0 ? output.names : names
    if (output.kind === 'archive') {
      const { format, to } = output
      const target = to === '-' ? { write: (chunk: Uint8Array) => writeBytes(streams.stdout, chunk) } : { path: to }
      await tare.images.save({ names: called.length > 0 ? called : [digest], format, to: target, signal })
      continue
    }
    if (output.kind !== 'push') continue
    for (const name of output.options.byDigest && output.names.length === 0 ? flags.tag : called) {
      const push = (report: Reporter) => tare.registry.push({ ...output.options, name, image: digest, signal, report })
      const result = await withTransfers({ ...call, flags: { quiet: !shows } }, pushed, 'stderr', push)
      first ??= result
      const shown = output.options.byDigest ? result.fullName : `${result.fullName}@${result.digest}`
      if (!flags.quiet) await tell(streams, `pushed ${shown}\n`)
    }
  }
  return first
}
