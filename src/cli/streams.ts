import type { Readable, Writable } from 'node:stream'
import { Failure } from './failure.ts'
import { printableJson, printableLines } from './text/printable.ts'

export interface InputStream extends Readable {
  readonly isTTY?: boolean
  /** Of a terminal: keys come as they are pressed, and nothing is shown. */
  setRawMode?(raw: boolean): unknown
}

export interface OutputStream extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** The three streams of a process. Node makes each of its own when first asked for it, so they are asked for late. */
export interface Streams {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
}

export const processStreams: Streams = {
  get stdin() {
    return process.stdin
  },
  get stdout() {
    return process.stdout
  },
  get stderr() {
    return process.stderr
  },
}

/** Nobody reads what we write: `tare images | head -1`. Ends the command without a word. */
export class BrokenPipe extends Failure {
  constructor() {
    // What a shell reports for a process that SIGPIPE has ended.
    super('the reader of standard output is gone', { exitCode: 141 })
    this.name = 'BrokenPipe'
  }
}

/** Prints text for people to standard output. Names and messages from elsewhere in it cannot steer a terminal. */
export function print({ stdout }: Pick<Streams, 'stdout'>, text: string): Promise<void> {
  return writeAll(stdout, printableLines(text))
}

/** Prints what a program may read: exactly as it is, unless standard output is a terminal. */
export function printData({ stdout }: Pick<Streams, 'stdout'>, text: string, form: 'text' | 'json'): Promise<void> {
  if (stdout.isTTY !== true) return writeAll(stdout, text)
  return writeAll(stdout, form === 'json' ? printableJson(text) : printableLines(text))
}

/** Prints text for people to standard error. Resolves once it is said or cannot be: a lost standard error ends no work. */
export async function tell({ stderr }: Pick<Streams, 'stderr'>, text: string): Promise<void> {
  if (text !== '') await writeAll(stderr, printableLines(text)).catch(() => {})
}

/** Writes bytes as they are: an archive. Resolves once the stream has taken them; rejects with BrokenPipe or a Failure. */
export function writeBytes(stream: OutputStream, bytes: Uint8Array): Promise<void> {
  return writeAll(stream, bytes)
}

/** Writes what a renderer has drawn, whose texts from elsewhere it has made printable. */
export function writeDrawn(stream: OutputStream, text: string): Promise<void> {
  return writeAll(stream, text)
}

function writeAll(stream: OutputStream, content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(content, (error) => {
      if (error === null || error === undefined) resolve()
      else reject(writeFailure(error))
    })
  })
}

function writeFailure(error: Error): Failure {
  if (isBrokenPipe(error)) return new BrokenPipe()
  return new Failure(`cannot write to standard output: ${error.message}`)
}

/** Whether a write failed because nobody reads. */
export function isBrokenPipe(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}
