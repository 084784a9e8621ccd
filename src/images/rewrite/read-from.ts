import { closeSync, openSync, readSync } from 'node:fs'
import type { Bytes } from '../../support/index.ts'

/** Yields the bytes of a file from an offset. */
export async function* readFrom(path: string, from: number): Bytes {
  const fd = openSync(path, 'r')
  try {
    for (let at = from; ; ) {
      const chunk = Buffer.allocUnsafe(256 << 10)
      const count = readSync(fd, chunk, 0, chunk.length, at)
      if (count === 0) return
      at += count
      yield chunk.subarray(0, count)
    }
  } finally {
    closeSync(fd)
  }
}
