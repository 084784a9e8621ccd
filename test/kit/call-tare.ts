import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import {
  type Bench,
  checkout,
  environmentOf,
  type FileSpec,
  type Outcome,
  openBench,
  type RunOptions,
  startTare,
} from './cli.ts'

// The built command line in this process: the same words and files as those of a process, in a tenth of its time. What is about
// processes (signals, users, several at once) takes `startTare`.

type Streams = Readonly<Record<'stdin' | 'stdout' | 'stderr', Readable | Writable>>
type Main = (argv: readonly string[], env: NodeJS.ProcessEnv, streams: Streams) => Promise<number>

const { main } = createRequire(import.meta.url)(join(checkout, 'dist/cli/main.cjs')) as { readonly main: Main }

/** Calls run one after the other: a process is in one folder at a time. */
let before: Promise<unknown> = Promise.resolve()

/** A bench whose calls are of this process, but those of another user or with something in front. */
export function openQuickBench(files: Readonly<Record<string, FileSpec>> = {}): Bench {
  return openBench(files, (argv, options) =>
    options.user === undefined && options.wrapper === undefined && options.umask === undefined
      ? callTare(argv, options)
      : startTare(argv, options).outcome,
  )
}

/** Runs tare to its end in this process. */
export function callTare(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const outcome = before.then(() => call(argv, options))
  before = outcome.catch(() => {})
  return outcome
}

async function call(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const { cwd, input } = options
  const [out, err] = [new Capture(), new Capture()]
  const stdin = input === undefined ? Readable.from([]) : streamOf(input)
  const folder = process.cwd()
  // Programs are looked for, and started, by the PATH of the process.
  const path = process.env['PATH']
  if (cwd !== undefined) process.chdir(cwd)
  process.env['PATH'] = options.env?.['PATH'] ?? path
  try {
    const code = await main(argv, environmentOf(options), { stdin, stdout: out, stderr: err })
    return { code, signal: undefined, out: out.text(), err: err.text(), bytes: out.bytes() }
  } finally {
    process.chdir(folder)
    process.env['PATH'] = path
    stdin.destroy()
  }
}

function streamOf(input: NonNullable<RunOptions['input']>): Readable {
  return Readable.from(typeof input === 'string' || input instanceof Uint8Array ? [Buffer.from(input)] : input)
}

class Capture extends Writable {
  private readonly chunks: Buffer[] = []

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk))
    done()
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  text(): string {
    return this.bytes().toString('utf8')
  }
}
