import type { Bytes } from '../../support/index.ts'

/** The bytes as a gzip, squeezed on all cores (see gzip-blocks.ts). Loaded with the first call: most verbs squeeze nothing. */
export async function* gzipBlocks(bytes: Bytes, level = 6): Bytes {
  const blocks = await import('./gzip-blocks.ts')
  yield* blocks.gzipBlocks(bytes, level)
}
