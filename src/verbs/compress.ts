import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as zlib from 'node:zlib'
import { type Bytes, TareError } from '../support/index.ts'

export type Compression = 'none' | 'gzip' | 'zstd'

/** What the ending of a file's name asks for. Throws `OPTION_INVALID`. */
export function compressionOf(path: string): Compression {
  if (/\.(?:tar\.zst|tzst|zst)$/i.test(path)) return 'zstd'
  if (/\.(?:tar\.gz|tgz|gz)$/i.test(path)) return 'gzip'
  if (/\.tar$/i.test(path)) return 'none'
  throw new TareError('OPTION_INVALID', `the name of ${path} does not say how to compress it`, {
    remedy: 'Let it end in .tar.zst, .tar.gz or .tar.',
  })
}

/** Something that compresses bytes as they flow. Throws `ZSTD_MISSING` where nothing here writes zstd. */
export async function compressor(compression: Compression): Promise<(bytes: Bytes) => Bytes> {
  if (compression === 'none') return (bytes) => bytes
  if (compression === 'gzip') return (bytes) => through(bytes, zlib.createGzip())
  // Node has it since 22.15.
  const { createZstdCompress } = zlib as { createZstdCompress?: () => Transform }
  if (createZstdCompress !== undefined) return (bytes) => through(bytes, createZstdCompress())
  const program = spawn('zstd', ['-q', '-c', '-T0'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const found = await Promise.race([
    once(program, 'spawn').then(() => true),
    new Promise<boolean>((resolve) => program.once('error', () => resolve(false))),
  ])
  if (!found)
    throw new TareError('ZSTD_MISSING', 'this Node writes no zstd, and there is no program zstd', {
      remedy: 'Let the file’s name end in .tar.gz, install zstd, or use Node 22.15 or later.',
    })
  return (bytes) => throughProgram(bytes, program)
}

async function* through(bytes: Bytes, transform: Transform): Bytes {
  const feeding = pipeline(Readable.from(bytes), transform)
  feeding.catch(() => {})
  yield* transform as AsyncIterable<Uint8Array>
  await feeding
}

async function* throughProgram(bytes: Bytes, program: ReturnType<typeof spawn>): Bytes {
  const end = once(program, 'close')
  const feeding = pipeline(Readable.from(bytes), program.stdin!)
  feeding.catch(() => program.kill('SIGKILL'))
  try {
    yield* program.stdout! as AsyncIterable<Uint8Array>
    await feeding
    const [code] = (await end) as [number | null]
    if (code !== 0) throw new TareError('ZSTD_FAILED', `zstd ended with ${code}`)
  } finally {
    program.kill('SIGKILL')
  }
}
