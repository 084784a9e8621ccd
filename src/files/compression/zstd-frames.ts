import { ByteReader, type Bytes, TareError } from '../../support/index.ts'
import { corrupt } from './corrupt.ts'

/** A part of a frame, as in the archive. */
export interface FramePart {
  readonly bytes: Buffer
  /** Set on a frame's first part. */
  readonly frame?: FrameHeader
  /** Whether this part ends the frame, including its checksum, if any. */
  readonly last: boolean
}

export interface FrameHeader {
  readonly skippable: boolean
  readonly hasChecksum: boolean
  /** The frame's uncompressed size, if given. */
  readonly contentSize: bigint | undefined
}

// Like the `zstd` program, which needs an option to use more memory.
const largestWindow = 128 * 1024 * 1024

/**
 * Parses the headers of zstd frames and passes the bytes on. Not all decoders notice input that ends inside a frame, or garbage
 * after one (RFC 8878, section 3.1).
 */
export async function* walkFrames(bytes: Bytes): AsyncGenerator<FramePart> {
  const feed = new ByteReader(bytes)
  const exactly = async (size: number): Promise<Buffer> => {
    const taken = await feed.take(size)
    if (taken.length < size) throw corrupt('zstd', 'it ends too early')
    return taken
  }
  try {
    for (;;) {
      const magic = await feed.take(4)
      if (magic.length === 0) return
      if (magic.length < 4) throw corrupt('zstd', 'trailing garbage')
      const number = magic.readUInt32LE()
      if ((number & 0xfffffff0) >>> 0 === 0x184d2a50) {
        const size = await exactly(4)
        let left = size.readUInt32LE()
        const frame = { skippable: true, hasChecksum: false, contentSize: undefined }
        yield { bytes: Buffer.concat([magic, size]), frame, last: left === 0 }
        while (left > 0) {
          const piece = await exactly(Math.min(left, 64 * 1024))
          left -= piece.length
          yield { bytes: piece, last: left === 0 }
        }
        continue
      }
      if (number !== 0xfd2fb528) throw corrupt('zstd', 'trailing garbage')
      const descriptor = await exactly(1)
      const header = await exactly(headerSize(descriptor[0]!))
      const frame = readFrameHeader(descriptor[0]!, header)
      yield { bytes: Buffer.concat([magic, descriptor, header]), frame, last: false }
      for (let last = false; !last; ) {
        const block = await exactly(3)
        const size = block.readUIntLE(0, 3) >> 3
        const type = (block[0]! >> 1) & 3
        last = (block[0]! & 1) === 1
        if (type === 3 || (type !== 1 && size > 128 * 1024)) throw corrupt('zstd', 'a block has an unknown type')
        // An RLE block stores a single byte, whatever its size.
        const rest = (type === 1 ? 1 : size) + (last && frame.hasChecksum ? 4 : 0)
        yield { bytes: Buffer.concat([block, await exactly(rest)]), last }
      }
    }
  } finally {
    await feed.close()
  }
}

const dictionarySizes = [0, 1, 2, 4] as const
const contentSizes = [0, 2, 4, 8] as const

/** Returns the length of the rest of the header after the descriptor. */
function headerSize(descriptor: number): number {
  const single = (descriptor >> 5) & 1
  const content = contentSizes[descriptor >> 6]!
  return (single ? 0 : 1) + dictionarySizes[descriptor & 3]! + (content === 0 && single ? 1 : content)
}

function readFrameHeader(descriptor: number, header: Buffer): FrameHeader {
  if (descriptor & 8) throw corrupt('zstd', 'a frame uses an undefined feature')
  const single = ((descriptor >> 5) & 1) === 1
  const dictionarySize = dictionarySizes[descriptor & 3]!
  const at = (single ? 0 : 1) + dictionarySize
  const size = header.length - at
  let contentSize: bigint | undefined
  if (size === 1) contentSize = BigInt(header[at]!)
  else if (size === 2) contentSize = BigInt(header.readUInt16LE(at) + 256)
  else if (size === 4) contentSize = BigInt(header.readUInt32LE(at))
  else if (size === 8) contentSize = header.readBigUInt64LE(at)
  const window = single ? Number(contentSize) : 2 ** (10 + (header[0]! >> 3)) * (1 + (header[0]! & 7) / 8)
  if (window > largestWindow) {
    throw new TareError('ARCHIVE_UNSUPPORTED', `the zstd archive needs a window of ${window} bytes to unpack`, {
      remedy: 'Compress it again without --ultra and --long, or with --long=27 at most.',
    })
  }
  if (header.subarray(at - dictionarySize, at).some((byte) => byte !== 0)) {
    throw new TareError('ARCHIVE_UNSUPPORTED', 'the zstd archive needs a dictionary to unpack', {
      remedy: 'Compress it again without a dictionary.',
    })
  }
  return { skippable: false, hasChecksum: (descriptor & 4) !== 0, contentSize }
}
