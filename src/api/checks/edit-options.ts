import type { AppendOptions, EditOptions, MutateOptions, NewLayer, RebaseOptions } from '../index.ts'
import { bytes, either, flag, list, record, required, type Shape, text, whole } from './check-options.ts'
import { name, registryCall } from './options.ts'

const texts = list(text)
const layers = list(either<NewLayer>({ path: name }, { bytes: required(bytes), name: text }))

export const editOptions: Shape<EditOptions> = { ...registryCall, image: name, to: text, platforms: texts }

export const appendOptions: Shape<AppendOptions> = {
  ...editOptions,
  layers: required(layers),
  baseAnnotations: flag,
  epoch: whole(0),
}

export const mutateOptions: Shape<MutateOptions> = {
  ...editOptions,
  env: record(text),
  labels: record(text),
  annotations: record(text),
  entrypoint: texts,
  cmd: texts,
  user: text,
  workdir: text,
  exposedPorts: texts,
  platform: text,
  layers,
  epoch: whole(0),
}

export const rebaseOptions: Shape<RebaseOptions> = { ...editOptions, oldBase: text, newBase: text }
