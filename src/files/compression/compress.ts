import type { Bytes } from '../../support/index.ts'

export type Compression = 'none' | 'gzip' | 'zstd'

/** Levels that may be asked for, and the one that is meant where none is. */
export const compressionLevels = {
  // Of zlib's levels the fourth takes half the time of the sixth, for three hundredths more bytes; who wants fewer takes zstd.
  gzip: { least: 1, most: 9, usual: 4 },
  zstd: { least: 1, most: 19, usual: 3 },
} as const

/**
 * The bytes squeezed on all cores. Of what comes in, eight chunks are held at most. Throws `ZSTD_MISSING` where nothing here writes zstd. What squeezes is loaded with the first call:
 * most verbs squeeze nothing.
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
