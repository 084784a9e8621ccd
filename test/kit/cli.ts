import { type ChildProcess, spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

// The built command line as a process of its own, and a folder for it to work in.

/** The checkout. */
export const checkout = resolve(import.meta.dirname, '../..')

export const program = join(checkout, 'bin/tare.js')

/** What the builders of tare share beside the checkout; not everybody has it. */
export const shared = resolve(checkout, '../shared')

// The Alpine root filesystem lies beside the checkout, or where TARE_TEST_ROOTFS says.
export const alpineRootfs =
  process.env['TARE_TEST_ROOTFS'] ?? join(shared, 'alpine/alpine-minirootfs-3.19.4-x86_64.tar.gz')

export const isRoot = process.getuid?.() === 0

// Nobody's number: no entry in /etc/passwd is needed to run as it.
export const ordinaryUser = 23_456

if (!existsSync(join(checkout, 'dist/cli/main.cjs'))) throw new Error('there is no dist/: run `npm run build` first')

export interface Outcome {
  /** undefined where a signal ended the process. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  readonly out: string
  readonly err: string
  /** Standard output as bytes. */
  readonly bytes: Buffer
}

export interface RunOptions {
  readonly home?: string | undefined
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
  /** Run as this user and group; only root can. */
  readonly user?: number | undefined
  /** Put in front of the command: `strace -f …`. */
  readonly wrapper?: readonly string[] | undefined
  /** The umask of the process. */
  readonly umask?: number | undefined
}

export interface Running {
  readonly child: ChildProcess
  readonly outcome: Promise<Outcome>
}

/** The environment of a program: only what is given, and PATH. */
export function environmentOf({ home, env }: RunOptions): NodeJS.ProcessEnv {
  const store = home === undefined ? {} : { TARE_HOME: home }
  return { PATH: process.env['PATH'], HOME: tmpdir(), TZ: 'UTC', ...store, ...env }
}

/** Starts a program. */
export function start(command: readonly string[], options: RunOptions = {}): Running {
  const masked = options.umask === undefined ? [] : ['sh', '-c', `umask 0${options.umask.toString(8)}; exec "$@"`, 'sh']
  const [file, ...args] = [...(options.wrapper ?? []), ...masked, ...command] as [string, ...string[]]
  const child = spawn(file, args, {
    env: environmentOf(options),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const collect = (stream: NodeJS.ReadableStream | null) => {
    const chunks: Buffer[] = []
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
    return () => Buffer.concat(chunks)
  }
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  if (options.input !== undefined) void feed(child, options.input)
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? undefined,
        signal: signal ?? undefined,
        out: out().toString('utf8'),
        err: err().toString('utf8'),
        bytes: out(),
      }),
    )
  })
  return { child, outcome }
}

async function feed(child: ChildProcess, input: NonNullable<RunOptions['input']>): Promise<void> {
  const stdin = child.stdin!
  // Whoever stops reading says so by how it ends.
  stdin.on('error', () => {})
  if (typeof input === 'string' || input instanceof Uint8Array) {
    stdin.end(input)
    return
  }
  for await (const chunk of input) {
    if (stdin.destroyed) return
    if (!stdin.write(chunk)) await new Promise((go) => stdin.once('drain', go).once('close', go))
  }
  stdin.end()
}

export function startTare(argv: readonly string[], options: RunOptions = {}): Running {
  return start([process.execPath, program, ...argv], options)
}

/** A folder that is removed when the test has ended; anybody may look into it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tare-test-'))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A file's content and mode, a folder (`undefined`), or an own way to make it. */
export type FileSpec =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly mode: number }
  | undefined

/** Writes files below the folder; their parents are made. */
export function writeFiles(folder: string, files: Readonly<Record<string, FileSpec>>): string {
  mkdirSync(folder, { recursive: true })
  for (const [name, spec] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    if (spec === undefined) mkdirSync(path, { recursive: true })
    else if (typeof spec === 'string' || spec instanceof Uint8Array) writeFileSync(path, spec)
    else {
      writeFileSync(path, spec.content)
      chmodSync(path, spec.mode)
    }
  }
  return folder
}

export interface Bench {
  readonly folder: string
  /** $TARE_HOME; it does not exist yet. */
  readonly home: string
  readonly context: string
  /** Runs tare to its end, in `folder`, with the store `home`. */
  tare(argv: readonly string[], options?: RunOptions): Promise<Outcome>
  /** The same, where all but success is a failure of the test. Answers standard output. */
  succeed(argv: readonly string[], options?: RunOptions): Promise<string>
}

/** Runs tare to its end. */
export type Runner = (argv: readonly string[], options: RunOptions) => Promise<Outcome>

const asProcess: Runner = (argv, options) => startTare(argv, options).outcome

/** A temporary folder with a store of its own and a context of these files. */
export function openBench(files: Readonly<Record<string, FileSpec>> = {}, run: Runner = asProcess): Bench {
  const folder = temporaryFolder()
  const home = join(folder, 'home')
  const context = writeFiles(join(folder, 'context'), files)
  const tare = (argv: readonly string[], options: RunOptions = {}) => run(argv, { home, cwd: folder, ...options })
  const succeed = async (argv: readonly string[], options: RunOptions = {}) => {
    const { code, out, err } = await tare(argv, options)
    if (code !== 0) throw new Error(`tare ${argv.join(' ')} exited with ${code}:\n${err}`)
    return out
  }
  return { folder, home, context, tare, succeed }
}

/** Bytes that look random and are the same every time: a key stream. */
export function noise(size: number, seed = 'noise'): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}
