/**
 * The tar format: bytes ⇄ entries, lenient and strict exactly where Docker's reader is, and written byte for byte as Docker does.
 *
 * In: byte streams, or archives on disk.  Out: entries with all extensions applied; and their encoded bytes.
 * Not here: the meaning of names, whiteouts, the order of a layer, compression, the disk.
 */
export { blockSize, padding } from './block.ts'
export { encodeHeader, encodeSparseHeader, headerLength } from './encode-header.ts'
export { looksLikeTar, tarHeadLength } from './looks-like-tar.ts'
export { readTar } from './read-tar.ts'
export { scanFlow, type TarVisitor } from './scan-flow.ts'
export { scanTar } from './scan-tar.ts'
export * from './types.ts'
export { endOfArchive, timedHeaderLength, writeHeader, writeTimedHeader } from './write-header.ts'
export { writeTar } from './write-tar.ts'
