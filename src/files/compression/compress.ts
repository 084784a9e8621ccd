import type { Bytes } from '../../support/index.ts'

export type Compression = 'none' | 'gzip' | 'zstd'

/** The levels allowed, and the default. */
export const compressionLevels = {
  // zlib's level 4 takes half the time of level 6 for 3% more bytes; zstd is the choice for smaller files.
  gzip: { least: 1, most: 9, usual: 4 },
  zstd: { least: 1, most: 19, usual: 3 },
} as const

/**
 * Compresses bytes on all cores, holding at most eight chunks of input. Throws `ZSTD_MISSING` if nothing on this machine writes
 * zstd. The implementation is loaded on first use, since most verbs do not compress.
 */
export async function* compress(bytes: Bytes, compression: Compression, level?: number): Bytes {
  if (compression === 'none') yield* bytes
  else if (compression === 'gzip') {
    const { gzipBlocks } = await import('./gzip-blocks.ts')
    yield* gzipBlocks(bytes, level ?? compressionLevels.gzip.usual)
  } else {
    const { zstdBlocks } = await import('./zstd-blocks.ts')
    yield* zstdBlocks(bytes, level ?? compressionLevels.zstd.usual)
  }
}
