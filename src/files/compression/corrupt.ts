import { messageOf, TareError } from '../../support/index.ts'
import type { Format } from './sniff.ts'

/** The compressed bytes are damaged or end too early. */
export function corrupt(format: Format, what: string, cause?: unknown): TareError {
  return new TareError('ARCHIVE_CORRUPT', `the ${format} archive is damaged or incomplete: ${what}`, {
    remedy: `Make or fetch it again; \`${programOf[format]} -t\` tests such a file.`,
    cause,
  })
}

const programOf = { gzip: 'gzip', zstd: 'zstd', xz: 'xz', bzip2: 'bzip2', none: 'file' } as const

/** What a library threw over bytes that it could not read; errors that are answers already stay as they are. */
export function asCorrupt(format: Format, error: unknown): unknown {
  return error instanceof TareError ? error : corrupt(format, messageOf(error), error)
}
