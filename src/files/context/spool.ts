import { closeSync, openSync, writeSync } from 'node:fs'
import type { Bytes } from '../../support/index.ts'

/** Writes bytes that flow into a new file. The file is removed by the caller, whatever happens. */
export async function spool(path: string, bytes: Bytes, signal?: AbortSignal): Promise<void> {
  const fd = openSync(path, 'wx', 0o600)
  try {
    for await (const chunk of bytes) {
      signal?.throwIfAborted()
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done)
    }
  } finally {
    closeSync(fd)
  }
}
