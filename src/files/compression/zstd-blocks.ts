import * as zlib from 'node:zlib'
import { type Bytes, TareError } from '../../support/index.ts'
import { squeezeBlocks } from './blocks.ts'
import { start, throughProgram } from './program.ts'

const blockSize = 4 << 20

type ZstdCompress = (
  bytes: Uint8Array,
  options: { readonly params: Readonly<Record<number, number>> },
  done: (error: Error | null, compressed: Buffer) => void,
) => void

/**
 * Compresses bytes as zstd: in parallel frames where Node supports zstd (22.15 and later), otherwise with the `zstd` program.
 * Throws `ZSTD_MISSING` if there is neither.
 */
export async function* zstdBlocks(bytes: Bytes, level: number): Bytes {
  const { zstdCompress, constants } = zlib as { zstdCompress?: ZstdCompress; constants: Record<string, number> }
  if (zstdCompress === undefined) {
    yield* throughProgram(bytes, await startZstd(level), failed)
    return
  }
  const options = { params: { [constants['ZSTD_c_compressionLevel']!]: level } }
  let empty = true
  const squeeze = (block: Uint8Array) =>
    new Promise<readonly Uint8Array[]>((resolve, reject) => {
      empty = false
      zstdCompress(block, options, (error, compressed) => (error === null ? resolve([compressed]) : reject(error)))
    })
  yield* squeezeBlocks(bytes, blockSize, squeeze)
  // A zstd file needs at least one frame.
  if (empty) yield* await squeeze(new Uint8Array(0))
}

function failed(words: string): TareError {
  return new TareError('ZSTD_FAILED', `the program zstd failed: ${words}`)
}

async function startZstd(level: number) {
  const program = await start('zstd', ['-q', '-c', '-T0', `-${level}`])
  if (program !== undefined) return program
  throw new TareError('ZSTD_MISSING', 'this Node.js cannot write zstd, and the zstd program is not installed', {
    remedy: 'Use gzip (a file’s name that ends in .tar.gz), install zstd, or use Node 22.15 or later.',
  })
}
