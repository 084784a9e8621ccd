import { messageOf, TareError } from '../../support/index.ts'
import type { Format } from './sniff.ts'

/** Returns the error for compressed data that is damaged or truncated. */
export function corrupt(format: Format, what: string, cause?: unknown): TareError {
  return new TareError('ARCHIVE_CORRUPT', `the ${format} archive is damaged or incomplete: ${what}`, {
    remedy: `Create or download it again; \`${programOf[format]} -t\` checks such a file.`,
    cause,
  })
}

const programOf = { gzip: 'gzip', zstd: 'zstd', xz: 'xz', bzip2: 'bzip2', none: 'file' } as const

/** Wraps an error of a decompression library; a TareError is returned unchanged. */
export function asCorrupt(format: Format, error: unknown): unknown {
  return error instanceof TareError ? error : corrupt(format, messageOf(error), error)
}
