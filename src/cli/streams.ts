import type { Readable, Writable } from 'node:stream'
import { Failure } from './failure.ts'
import { printableJson, printableLines } from './text/printable.ts'

export interface InputStream extends Readable {
  readonly isTTY?: boolean
  /** For a terminal: passes keys on as they are pressed, without echo. */
  setRawMode?(raw: boolean): unknown
}

export interface OutputStream extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** The three streams of a process. Node creates each on first access, so they are accessed late. */
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

/** Nobody reads our output: `tare images | head -1`. Ends the command silently. */
export class BrokenPipe extends Failure {
  constructor() {
    // The exit code a shell reports for a process killed by SIGPIPE.
    super('standard output was closed by its reader', { exitCode: 141 })
    this.name = 'BrokenPipe'
  }
}

/** Prints text for people to standard output. Foreign names and messages in it cannot control the terminal. */
export function print({ stdout }: Pick<Streams, 'stdout'>, text: string): Promise<void> {
  return writeAll(stdout, printableLines(text))
}

/** Prints text for programs: unchanged, unless standard output is a terminal. */
export function printData({ stdout }: Pick<Streams, 'stdout'>, text: string, form: 'text' | 'json'): Promise<void> {
  if (stdout.isTTY !== true) return writeAll(stdout, text)
  return writeAll(stdout, form === 'json' ? printableJson(text) : printableLines(text))
}

/**
 * Prints text for people to standard error. Resolves once it is written or cannot be: losing standard error must not end the
 * work.
 */
export async function tell({ stderr }: Pick<Streams, 'stderr'>, text: string): Promise<void> {
  if (text !== '') await writeAll(stderr, printableLines(text)).catch(() => {})
}

/** Writes raw bytes, such as an archive. Resolves once the stream has taken them; rejects with BrokenPipe or a Failure. */
export function writeBytes(stream: OutputStream, bytes: Uint8Array): Promise<void> {
  return writeAll(stream, bytes)
}

/** Writes a renderer's output, whose foreign texts it has made printable. */
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

/** Whether a write failed because the reader has closed the stream. */
export function isBrokenPipe(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}
