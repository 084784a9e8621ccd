import { closeSync, openSync } from 'node:fs'
import { type Bytes, writeWhole } from '../../support/index.ts'

/** Writes a byte stream to a new file. The caller removes the file in any case. */
export async function spool(path: string, bytes: Bytes, signal?: AbortSignal): Promise<void> {
  const fd = openSync(path, 'wx', 0o600)
  try {
    for await (const chunk of bytes) {
      signal?.throwIfAborted()
      writeWhole(fd, chunk)
    }
  } finally {
    closeSync(fd)
  }
}
