import type { BuildOutput, ImageOutput, OutputFile } from '../../../../index.ts'
import type { Call } from '../../../command.ts'
import { Failure } from '../../../failure.ts'
import { writeBytes } from '../../../streams.ts'
import type { BuildFlags } from '../build-flags.ts'
import { readAnnotationField } from './annotation-flags.ts'
import { OutputFields } from './output-fields.ts'

type OutputCall = Pick<Call<BuildFlags>, 'flags' | 'streams'>

/** What `--output`, `--load` and `--push` ask of the build. */
export interface Outputs {
  readonly outputs: readonly BuildOutput[] | undefined
  readonly rewriteTimestamp: boolean
  /** `source-date-epoch` of an output with an image, in seconds since 1970. */
  readonly epoch: number | undefined
  /** Whether bytes go to standard output. */
  readonly toStdout: boolean
}

/** Parses the flags. Throws a Failure for what is no output. */
export function readOutputs(call: OutputCall): Outputs {
  const { flags } = call
  let rewriteTimestamp = flags['rewrite-timestamp']
  const epochs = new Set<number>()
  const outputs = flags.output.map((text) => {
    const place = /^[^=,]+$/.test(text) ? text : undefined
    if (place === '-') return { kind: 'tar' as const, to: openStdout(call) }
    if (place !== undefined) return { kind: 'local' as const, path: place }
    const fields = new OutputFields(text)
    if (fields.flag('rewrite-timestamp') === true) rewriteTimestamp = true
    const output = readOutput(fields, call)
    const epoch = fields.number('source-date-epoch')
    if ((output.kind === 'image' || output.kind === 'archive') && epoch !== undefined) epochs.add(epoch)
    return output
  })
  if (epochs.size > 1) throw new Failure('the outputs have several values of source-date-epoch: an image has one time')
  const pushes = outputs.filter(isPush)
  if (flags.load && !outputs.some((output) => output.kind === 'image' && output.load === true))
    outputs.push({ kind: 'image', load: true })
  if (flags.push && pushes.length === 0) outputs.push({ kind: 'image', push: true })
  if (flags.tag.length > 0 && outputs.some((output) => 'names' in output))
    throw new Failure('the image is named by -t and by name= of --output', { remedy: 'Use one of them.' })
  return {
    outputs: outputs.length === 0 ? undefined : outputs,
    rewriteTimestamp,
    epoch: [...epochs][0],
    toStdout: outputs.some((output) => 'to' in output && 'write' in output.to),
  }
}

function isPush(output: BuildOutput): boolean {
  return output.kind === 'image' && output.push === true
}

function readOutput(fields: OutputFields, call: OutputCall): BuildOutput {
  switch (fields.type) {
    case 'cacheonly':
      return { kind: 'cacheonly' }
    case 'local':
      return readLocal(fields)
    case 'tar':
      return { kind: 'tar', to: fileOf(fields, call) ?? openStdout(call), ...filesForm(fields) }
    case 'docker':
    case 'oci':
      return readArchive(fields, fields.type, call)
    default:
      return readImage(fields, call)
  }
}

function readLocal(fields: OutputFields): BuildOutput {
  const path = fields.get('dest') || undefined
  if (path === undefined) throw new Failure('dest is required for the local exporter', { remedy: 'Write dest=DIR.' })
  if (path === '-') throw new Failure('dest cannot be stdout for the local exporter', { remedy: 'Use type=tar.' })
  return { kind: 'local', path, ...given({ mode: fields.word('mode', ['copy', 'delete']) }), ...filesForm(fields) }
}

function filesForm(fields: OutputFields) {
  return given({
    platformSplit: fields.flag('platform-split'),
    epoch: fields.number('source-date-epoch'),
    attestationPrefix: fields.get('attestation-prefix'),
  })
}

function readArchive(fields: OutputFields, layout: 'docker' | 'oci', call: OutputCall): BuildOutput {
  const form = imageForm(fields)
  const isTar = fields.flag('tar')
  fields.flag('force-compression')
  const to = fileOf(fields, call)
  if (layout === 'docker' && to === undefined) {
    if (isTar === false) throw fields.invalid('tar', 'a folder needs a dest')
    return { kind: 'image', load: true, ...given({ names: form.names, annotations: form.annotations }) }
  }
  if (isTar === false && (to === undefined || 'write' in to)) throw fields.invalid('tar', 'a folder needs a dest')
  return { kind: 'archive', layout, to: to ?? openStdout(call), ...form, ...(isTar === false ? { folder: true } : {}) }
}

function readImage(fields: OutputFields, { flags }: OutputCall): ImageOutput {
  const isRegistry = fields.type === 'registry'
  const asked = fields.flag('push')
  if (isRegistry && asked === false) throw fields.invalid('push', 'a registry is pushed to')
  const push = isRegistry || asked === true || flags.push
  return {
    kind: 'image',
    ...imageForm(fields),
    ...given({
      push: push ? true : undefined,
      store: fields.flag('store'),
      unpack: fields.flag('unpack'),
      byDigest: fields.flag('push-by-digest'),
      canonicalName: fields.flag('name-canonical'),
      danglingPrefix: fields.get('dangling-name-prefix'),
      forceCompression: fields.flag('force-compression'),
      insecure: fields.flag('registry.insecure'),
    }),
  }
}

function imageForm(fields: OutputFields) {
  const names = (fields.get('name') ?? '').split(',').flatMap((name) => name.trim() || [])
  const annotations = [...fields.entries()].flatMap(([key, value]) => readAnnotationField(key, value) ?? [])
  const oci = fields.flag('oci-mediatypes')
  fields.flag('prefer-nondist-layers')
  if (fields.get('compression') === 'estargz')
    throw fields.invalid('compression', 'layers in eStargz cannot be made: use gzip, zstd or uncompressed')
  return given({
    names: names.length === 0 ? undefined : names,
    annotations: annotations.length === 0 ? undefined : annotations,
    format: oci === undefined ? undefined : oci ? ('oci' as const) : ('docker' as const),
    attestationInline: fields.flag('attestation-inline'),
    attestationArtifact: fields.flag('oci-artifact'),
    compression: fields.word('compression', ['gzip', 'zstd', 'uncompressed']),
    compressionLevel: fields.number('compression-level'),
  })
}

/** Drops members that are undefined. */
function given<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}

function fileOf(fields: OutputFields, call: OutputCall): OutputFile | undefined {
  const path = fields.get('dest')
  if (path === undefined || path === '') return undefined
  return path === '-' ? openStdout(call) : { path }
}

function openStdout({ streams }: OutputCall): OutputFile {
  if (streams.stdout.isTTY) throw new Failure('dest file is required for the exporter: refusing to write to a terminal')
  return { write: (chunk) => writeBytes(streams.stdout, chunk) }
}
