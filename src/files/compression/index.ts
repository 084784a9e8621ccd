/**
 * Decompression by content: whatever the name says, the first bytes decide. And compression, for what leaves.
 *
 * In: bytes that may be compressed (gzip, zstd, xz, bzip2).  Out: the plain bytes, within bounds, or an error; never a part of them.
 * Not here: archives, the environment (a limit comes in as an argument).
 */

export { type Compression, compress, compressionLevels } from './compress.ts'
export { type Decompressed, decompress, decompressSmall, expectGzip } from './decompress.ts'
export type { UnpackLimit } from './limit.ts'
export { type Format, sniff, sniffLength } from './sniff.ts'
