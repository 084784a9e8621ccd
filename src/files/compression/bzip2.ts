import type { Bytes } from '../../support/index.ts'
import { ByteReader } from '../../support/index.ts'
import { BitReader, OutOfBits } from './bits.ts'
import { BlockDecoder } from './bzip2-block.ts'
import { corrupt } from './corrupt.ts'
import { start, throughProgram } from './program.ts'

/** Decompresses all streams, with the `bzip2` program if there is one, otherwise in JavaScript. */
export async function* unbzip2(bytes: Bytes): Bytes {
  const program = await start('bzip2', ['-d', '-c'])
  if (program !== undefined) yield* throughProgram(bytes, program, (words) => corrupt('bzip2', words))
  else yield* decodeBzip2(bytes)
}

// Upper limit for a block in bytes: 900,000 symbols of 20 bits, and its tables.
const longestBlock = 2.5 * 1024 * 1024

const readAhead = 1024 * 1024

const blockMagic = [0x314159, 0x265359] as const
const endMagic = [0x177245, 0x385090] as const

/**
 * Decodes bzip2 in plain JavaScript. The format is frozen and a decoder is two pages; existing packages either need to know the
 * size in advance or are four times slower.
 */
export async function* decodeBzip2(bytes: Bytes): Bytes {
  const feed = new ByteReader(bytes)
  const bits = new BitReader()
  const refill = async (size: number) => {
    if (bits.available >= size) return
    bits.append(await feed.take(size - bits.available + readAhead))
  }
  try {
    for (let first = true; ; first = false) {
      await refill(4)
      if (!first && bits.available === 0) break
      if (bits.available < 4 || bits.read(24) !== 0x425a68) throw corrupt('bzip2', 'trailing garbage')
      const level = bits.read(8) - 0x30
      if (level < 1 || level > 9) throw corrupt('bzip2', 'its header is wrong')
      const decoder = new BlockDecoder(level * 100_000)
      let combined = 0
      for (;;) {
        await refill(longestBlock)
        const magic = [bits.read(24), bits.read(24)]
        if (magic[0] === endMagic[0] && magic[1] === endMagic[1]) break
        if (magic[0] !== blockMagic[0] || magic[1] !== blockMagic[1])
          throw corrupt('bzip2', 'a block does not begin as one')
        const checksum = decoder.read(bits)
        combined = ((combined << 1) | (combined >>> 31)) ^ checksum
        yield* decoder.plain(checksum)
      }
      if ((combined | 0) !== (bits.read32() | 0)) throw corrupt('bzip2', 'the checksum of the whole is wrong')
      bits.align()
    }
  } catch (error) {
    throw error instanceof OutOfBits ? corrupt('bzip2', 'it ends too early') : error
  } finally {
    await feed.close()
  }
}
