import { fstatSync, statSync, writeSync } from 'node:fs'
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
  /**
   * Writes to standard output without its stream, which takes Node 4 ms to create, and returns the rest, which only the stream can
   * write. Throws BrokenPipe. A terminal takes `forPeople` only.
   */
  readonly writeAtOnce?: ((text: string, forPeople: boolean) => string | Uint8Array) | undefined
}

let stdout: OutputStream | undefined

export const processStreams: Streams = {
  get stdin() {
    return process.stdin
  },
  get stdout() {
    stdout ??= process.stdout
    return stdout
  },
  get stderr() {
    return process.stderr
  },
  writeAtOnce(text, forPeople) {
    // What the stream has not written yet goes first, and only the stream knows a Windows console's encoding.
    if (stdout !== undefined || process.platform === 'win32') return text
    const bytes = Buffer.from(text)
    let done = 0
    try {
      // It may be a terminal.
      if (!forPeople && mayBeTerminal(1)) return text
      while (done < bytes.length) done += writeSync(1, bytes, done)
    } catch (error) {
      if (isBrokenPipe(error as Error)) throw new BrokenPipe()
      // A pipe that is full; what else it is, the stream finds out, too.
    }
    return bytes.subarray(done)
  },
}

/** Whether it is a device, but /dev/null. */
export function mayBeTerminal(fd: number): boolean {
  const stat = fstatSync(fd)
  return stat.isCharacterDevice() && stat.rdev !== statSync('/dev/null').rdev
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
export async function print(streams: Output, text: string): Promise<void> {
  const shown = printableLines(text)
  const rest = streams.writeAtOnce?.(shown, true) ?? shown
  if (rest.length > 0) await writeAll(streams.stdout, rest)
}

type Output = Pick<Streams, 'stdout' | 'writeAtOnce'>

/** Prints text for programs: unchanged, unless standard output is a terminal. */
export async function printData(streams: Output, text: string, form: 'text' | 'json'): Promise<void> {
  const rest = streams.writeAtOnce?.(text, false) ?? text
  if (rest.length === 0) return
  const { stdout } = streams
  if (stdout.isTTY !== true || typeof rest !== 'string') await writeAll(stdout, rest)
  else await writeAll(stdout, form === 'json' ? printableJson(rest) : printableLines(rest))
}

/**
 * Prints text for people to standard error. Resolves once it is written or cannot be: losing standard error must not end the
 * work.
 */
export async function tell(streams: Pick<Streams, 'stderr'>, text: string): Promise<void> {
  if (text !== '') await writeAll(streams.stderr, printableLines(text)).catch(() => {})
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
