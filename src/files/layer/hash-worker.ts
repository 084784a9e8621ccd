import type { Worker } from 'node:worker_threads'
import { startWorker } from '../../support/index.ts'

/** A request to the worker: hash a shared buffer, hash part of a file, or return the digest. */
type Question =
  | { readonly bytes: Uint8Array; readonly length: number }
  | { readonly path: string; readonly offset: number; readonly size: number }
  | { readonly digest: true }

interface Answer {
  readonly hex?: string
  readonly error?: { readonly message: string; readonly code?: string | undefined }
}

// Runs in the worker, as text, so it must be self-contained.
function serve(): void {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  let hash = createHash('sha256')
  const hashFile = (path: string, offset: number, size: number): void => {
    const fd = openSync(path, 'r')
    try {
      const buffer = Buffer.allocUnsafe(1 << 20)
      for (let at = 0; at < size; ) {
        const count = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), offset + at)
        if (count === 0) throw new Error(`${path} was truncated while being read`)
        hash.update(buffer.subarray(0, count))
        at += count
      }
    } finally {
      closeSync(fd)
    }
  }
  const answer = (question: Question): Answer => {
    if ('bytes' in question) {
      hash.update(question.bytes.subarray(0, question.length))
      return {}
    }
    if ('path' in question) hashFile(question.path, question.offset, question.size)
    const hex = hash.digest('hex')
    hash = createHash('sha256')
    return { hex }
  }
  parentPort!.on('message', (question: Question) => {
    try {
      parentPort!.postMessage(answer(question))
    } catch (error) {
      hash = createHash('sha256')
      const { message, code } = error as NodeJS.ErrnoException
      parentPort!.postMessage({ error: { message, code } })
    }
  })
}

/** A thread that hashes while this one goes on reading. Answers arrive in the order of requests. */
export class HashWorker {
  private readonly worker: Worker
  private readonly open: { resolve: (hex: string) => void; reject: (error: unknown) => void }[] = []

  private constructor(worker: Worker) {
    this.worker = worker
    this.worker.on('message', ({ hex, error }: Answer) => {
      const asked = this.open.shift()
      if (error === undefined) asked?.resolve(hex ?? '')
      else asked?.reject(Object.assign(new Error(error.message), { code: error.code }))
    })
    this.worker.on('error', (error) => {
      for (const asked of this.open.splice(0)) asked.reject(error)
    })
  }

  static async start(): Promise<HashWorker> {
    return new HashWorker(await startWorker(serve))
  }

  ask(question: Question): Promise<string> {
    return new Promise((resolve, reject) => {
      this.worker.ref()
      this.open.push({ resolve, reject })
      this.worker.postMessage(question)
    })
  }

  /** Lets the process exit while no result is awaited from the worker. */
  rest(): this {
    this.worker.unref()
    return this
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }
}
