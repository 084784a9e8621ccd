/**
 * Decompression by content: the first bytes decide, whatever the name. And compression of what leaves.
 *
 * In: bytes that may be compressed (gzip, zstd, xz, bzip2).  Out: all the plain bytes, within limits, or an error.
 * Not here: archives, the environment (limits are arguments).
 */

export { type Compression, compress } from './compress.ts'
export { type Decompressed, decompress, decompressSmall, expectGzip } from './decompress.ts'
export type { UnpackLimit } from './limit.ts'
export { type Format, sniff, sniffLength } from './sniff.ts'
