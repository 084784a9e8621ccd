import { constants, openSync } from 'node:fs'
import type { Bytes } from './bytes.ts'

/**
 * Yields what is written to a named pipe. Unlike a file's stream, it ends as soon as the signal is aborted, whether or not somebody
 * writes: a read that waits in a thread keeps the process from ending.
 */
export async function* readPipe(path: string, signal?: AbortSignal): Bytes {
  const { Socket } = await import('node:net')
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const pipe = new Socket({ fd, readable: true, writable: false })
  const stop = () => pipe.destroy(signal?.reason as Error)
  if (signal?.aborted === true) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    yield* pipe
  } finally {
    signal?.removeEventListener('abort', stop)
    pipe.destroy()
  }
}
