import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import type { Bytes } from '../../support/index.ts'
import { asCorrupt, corrupt } from './corrupt.ts'
import { start, throughProgram } from './program.ts'
import { throughTransform } from './transform.ts'
import { XxHash } from './xxhash.ts'
import { walkFrames } from './zstd-frames.ts'

// Available since Node 22.15; the type definitions are older.
const createZstdDecompress = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress

/** Decompresses all frames: with Node, otherwise the `zstd` program, otherwise in plain JavaScript (an eighth as fast). */
export async function* unzstd(bytes: Bytes): Bytes {
  if (createZstdDecompress !== undefined) {
    yield* throughTransform('zstd', checked(bytes), createZstdDecompress({ chunkSize: 128 * 1024 }))
    return
  }
  const program = await start('zstd', ['-d', '-c', '-q'])
  if (program !== undefined) yield* throughProgram(checked(bytes), program, (words) => corrupt('zstd', words))
  else yield* decodeFrames(bytes)
}

/** Passes bytes through; throws if they are truncated. */
async function* checked(bytes: Bytes): Bytes {
  for await (const part of walkFrames(bytes)) yield part.bytes
}

/** Decodes with fzstd. Checksums and sizes, which it does not verify, are checked here. */
async function* decodeFrames(bytes: Bytes): Bytes {
  const { Decompress } = await import('fzstd')
  let hash = new XxHash()
  let size = 0
  let frame:
    | { readonly skippable: boolean; readonly hasChecksum: boolean; readonly contentSize: bigint | undefined }
    | undefined
  let plain: Uint8Array[] = []
  let decoder = new Decompress((chunk) => plain.push(chunk))
  for await (const part of walkFrames(bytes)) {
    if (part.frame !== undefined) {
      frame = part.frame
      hash = new XxHash()
      size = 0
      decoder = new Decompress((chunk) => plain.push(chunk))
    }
    if (frame === undefined || frame.skippable) continue
    try {
      decoder.push(part.bytes, part.last)
    } catch (error) {
      throw asCorrupt('zstd', error)
    }
    for (const chunk of plain) {
      size += chunk.length
      if (frame.hasChecksum) hash.add(chunk)
      if (chunk.length > 0) yield chunk
    }
    plain = []
    if (!part.last) continue
    if (frame.contentSize !== undefined && frame.contentSize !== BigInt(size))
      throw corrupt('zstd', 'a frame does not have the size it claims')
    if (frame.hasChecksum && part.bytes.readUInt32LE(part.bytes.length - 4) !== hash.low32()) {
      throw corrupt('zstd', 'the checksum of a frame is wrong')
    }
  }
}
