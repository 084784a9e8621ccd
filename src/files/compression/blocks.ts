import type { Bytes } from '../../support/index.ts'

// More than Node's thread pool has threads, so that none of them is idle.
const atOnce = 6

/**
 * Cuts the bytes into blocks of equal size (the last may be shorter), compresses them in parallel and yields the results in
 * order. Chunks that already have the block size are used without copying, so they must not be written to afterwards.
 */
export async function* squeezeBlocks(
  bytes: Bytes,
  blockSize: number,
  squeeze: (block: Uint8Array, before: Uint8Array | undefined) => Promise<readonly Uint8Array[]>,
): Bytes {
  const running: Promise<readonly Uint8Array[]>[] = []
  let before: Uint8Array | undefined
  try {
    for await (const block of blocksOf(bytes, blockSize)) {
      const compressed = squeeze(block, before)
      // Awaited in order below; an earlier failure must not count as unhandled.
      compressed.catch(() => {})
      running.push(compressed)
      before = block
      if (running.length >= atOnce) yield* await running.shift()!
    }
    while (running.length > 0) yield* await running.shift()!
  } finally {
    await Promise.allSettled(running)
  }
}

async function* blocksOf(bytes: Bytes, blockSize: number): Bytes {
  let block: Buffer | undefined
  let used = 0
  for await (const chunk of bytes) {
    if (block === undefined && chunk.length === blockSize) {
      yield chunk
      continue
    }
    for (let done = 0; done < chunk.length; ) {
      block ??= Buffer.allocUnsafeSlow(blockSize)
      const count = Math.min(chunk.length - done, blockSize - used)
      block.set(chunk.subarray(done, done + count), used)
      used += count
      done += count
      if (used < blockSize) continue
      yield block
      block = undefined
      used = 0
    }
  }
  if (block !== undefined) yield block.subarray(0, used)
}
