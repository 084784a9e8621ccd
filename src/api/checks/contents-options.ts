import type {
  CheckOptions,
  CheckSilence,
  CopyOutOptions,
  ExportOptions,
  FileDiffOptions,
  FileOptions,
  FilesOptions,
  ImageDiffOptions,
  LookOptions,
  SbomOptions,
  WeighOptions,
  WeighRules,
} from '../index.ts'
import {
  amount,
  callback,
  either,
  flag,
  list,
  number,
  object,
  required,
  type Shape,
  text,
  whole,
} from './check-options.ts'
import { name, registryCall, word } from './options.ts'

// Of the verbs that look into an image.

export const lookOptions: Shape<LookOptions> = { ...registryCall, image: name, platform: text }

export const filesOptions: Shape<FilesOptions> = {
  ...lookOptions,
  path: text,
  layer: number,
  depth: whole(0),
  totals: flag,
}

export const fileOptions: Shape<FileOptions> = { ...lookOptions, path: name, layer: number }

export const whyOptions: Shape<Omit<FileOptions, 'layer'>> = { ...lookOptions, path: name }

const to = required(either<ExportOptions['to']>({ path: name }, { write: required(callback()) }))

export const exportOptions: Shape<ExportOptions> = { ...lookOptions, to }

export const copyOutOptions: Shape<CopyOutOptions> = { ...lookOptions, path: name, to, followLink: flag, archive: flag }

export const checkContentsOptions: Shape<CheckOptions> = {
  ...lookOptions,
  silences: list(object<CheckSilence>({ code: required(word<CheckSilence['code']>()), path: text, reason: name })),
}

export const sbomOptions: Shape<SbomOptions> = {
  ...lookOptions,
  format: word(),
  files: flag,
}

export const weighOptions: Shape<WeighOptions> = {
  ...lookOptions,
  rules: object<WeighRules>({
    maxSize: amount,
    maxWasted: amount,
    minEfficiency: amount,
    maxWastedShare: amount,
    maxDiveWasted: amount,
  }),
}

const comparedImages = { ...registryCall, a: name, b: name, platform: text }

export const imageDiffOptions: Shape<ImageDiffOptions> = {
  ...comparedImages,
  ignore: list(word<NonNullable<ImageDiffOptions['ignore']>[number]>()),
  semantic: flag,
  byLayer: flag,
  reportFolder: text,
  collapse: flag,
}

export const fileDiffOptions: Shape<FileDiffOptions> = { ...comparedImages, path: name }
