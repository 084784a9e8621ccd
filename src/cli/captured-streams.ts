import { Readable, Writable } from 'node:stream'
import type { OutputStream, Streams } from './streams.ts'

export interface CapturedStreams extends Streams {
  /** What has been written so far. */
  out(): string
  err(): string
}

export interface CaptureOptions {
  /** What arrives on standard input. */
  readonly input?: string | Uint8Array
  /** The width, if standard output and error are a terminal. */
  readonly columns?: number
  /** Whether standard input is a terminal. */
  readonly interactive?: boolean
}

/** Returns streams that belong to no process, for tests. */
export function captureStreams(options: CaptureOptions = {}): CapturedStreams {
  const out: Buffer[] = []
  const err: Buffer[] = []
  const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('utf8')
  const bytes = options.input === undefined ? [] : [Buffer.from(options.input)]
  const stdin = Object.assign(Readable.from(bytes), { isTTY: options.interactive === true })
  return {
    stdin,
    stdout: capture(out, options.columns),
    stderr: capture(err, options.columns),
    out: () => text(out),
    err: () => text(err),
  }
}

function capture(chunks: Buffer[], columns: number | undefined): OutputStream {
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  return columns === undefined ? stream : Object.assign(stream, { isTTY: true, columns, rows: 24 })
}
