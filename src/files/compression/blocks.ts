import type { Bytes } from '../../support/index.ts'

// More than Node's thread pool has threads, so that none of them waits.
const atOnce = 6

/**
 * Cuts the bytes into blocks of one size, but for the last, squeezes them side by side, and hands the results on in order. Chunks that
 * are a block already are taken as they are, so nobody may write into them afterwards.
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
      // Looked at in its turn; a failure before that is no unhandled one.
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
