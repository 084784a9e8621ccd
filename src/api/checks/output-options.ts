import type { BuildAnnotation, BuildOptions, BuildOutput, OutputFile, ProvenanceForm, StatementForm } from '../index.ts'
import {
  type Check,
  callback,
  either,
  flag,
  list,
  object,
  oneOf,
  record,
  required,
  text,
  variants,
  whole,
} from './check-options.ts'

const name = required(text)
const texts = list(text)
const path = { path: name }

const annotationItems = list(
  object<BuildAnnotation>({
    ...{ key: name, value: name, platform: text },
    on: oneOf('manifest', 'manifest-descriptor', 'index', 'index-descriptor'),
  }),
)
const annotationTexts = record(text)
export const annotations: Check<NonNullable<BuildOptions['annotations']>> = {
  what: 'an object or a list',
  test: (value, at) => (Array.isArray(value) ? annotationItems : annotationTexts).test(value, at),
}
const outputFile = required(either<OutputFile>(path, { write: required(callback()) }))
const imageForm = {
  names: texts,
  format: oneOf('oci', 'docker'),
  compression: oneOf('gzip', 'zstd', 'uncompressed'),
  compressionLevel: whole(1),
  annotations: annotationItems,
  attestationInline: flag,
  attestationArtifact: flag,
}
const filesForm = { platformSplit: flag, epoch: whole(0), attestationPrefix: text }

const statement = { inlineOnly: flag, file: text }
export const sbom = flagOr(object<StatementForm>(statement))
export const provenance = flagOr(
  object<ProvenanceForm>({ ...statement, mode: oneOf('min', 'max'), builderId: text, reproducible: flag }),
)

function flagOr<T>(form: Check<T>): Check<boolean | T> {
  return {
    what: 'true, false or an object',
    test: (value, at) => (typeof value === 'object' ? form : flag).test(value, at),
  }
}

export const outputs = list(
  variants<BuildOutput>('kind', {
    image: {
      ...imageForm,
      ...{
        store: flag,
        unpack: flag,
        load: flag,
        push: flag,
        byDigest: flag,
        canonicalName: flag,
        danglingPrefix: text,
      },
      ...{ forceCompression: flag, insecure: flag },
    },
    archive: { ...imageForm, layout: required(oneOf('oci', 'docker')), to: outputFile, folder: flag },
    local: { ...filesForm, ...path, mode: oneOf('copy', 'delete') },
    tar: { ...filesForm, to: outputFile },
    cacheonly: {},
  }),
)
