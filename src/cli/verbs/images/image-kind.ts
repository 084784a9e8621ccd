import { UsageError } from '../../failure.ts'

const formats = ['oci', 'docker'] as const
export const compressions = ['gzip', 'zstd'] as const

/** The output format chosen by flags. */
export interface ImageKind {
  readonly format: (typeof formats)[number] | undefined
  readonly compression: (typeof compressions)[number] | undefined
  readonly compressionLevel: number | undefined
}

/** Parses `--format`, `--compression` and `--compression-level`. Throws for invalid values. */
export function readImageKind(flags: {
  readonly format?: string | undefined
  readonly compression?: string | undefined
  readonly 'compression-level'?: string | undefined
}): ImageKind {
  const format = formats.find((candidate) => candidate === flags.format)
  if (flags.format !== undefined && format === undefined)
    throw new UsageError(`invalid format "${flags.format}"`, `The formats are ${formats.join(' and ')}.`)
  const compression = compressions.find((candidate) => candidate === flags.compression)
  if (flags.compression !== undefined && compression === undefined)
    throw new UsageError(`invalid compression "${flags.compression}"`, `It is ${compressions.join(' or ')}.`)
  return { format, compression, compressionLevel: levelOf(flags['compression-level'], compression ?? 'gzip') }
}

/** Parses the level for a compression. */
export function levelOf(text: string | undefined, compression: 'gzip' | 'zstd'): number | undefined {
  if (text === undefined) return undefined
  const most = compression === 'gzip' ? 9 : 19
  if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > most)
    throw new UsageError(`invalid compression level "${text}"`, `For ${compression} it is a number from 1 to ${most}.`)
  return Number(text)
}
