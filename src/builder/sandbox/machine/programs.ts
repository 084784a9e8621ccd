import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import type { Writable } from 'node:stream'

// Where tools of the system lie that PATH of an ordinary user leaves out.
const usual = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

// Those that were found: each step asks for a dozen.
const found = new Map<string, string>()

/** The path of a program of this machine. */
export function findProgram(name: string, path: string | undefined = process.env['PATH']): string | undefined {
  if (name.startsWith('/')) return isExecutable(name) ? name : undefined
  const asked = `${name}${delimiter}${path}`
  const known = found.get(asked)
  if (known !== undefined) return known
  const folders = [...(path ?? '').split(delimiter).filter((folder) => folder.startsWith('/')), ...usual]
  const program = folders.map((folder) => join(folder, name)).find(isExecutable)
  if (program !== undefined) found.set(asked, program)
  return program
}

/** Whether the program is one of the many names of BusyBox. */
export function isBusyBox(path: string): boolean {
  try {
    return basename(realpathSync(path)) === 'busybox'
  } catch {
    return false
  }
}

function isExecutable(path: string): boolean {
  try {
    // Looked up first: most folders do not have it, and that is not to cost an error each.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The environment that our own tools run in: nothing of an image's gets into it. */
export const plainEnvironment: Readonly<Record<string, string>> = { PATH: usual.join(':'), LC_ALL: 'C' }

export interface Finished {
  /** As a shell tells it. */
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** What a program reads: bytes, or something that writes them and ends the stream. */
export type Input = Uint8Array | ((stdin: Writable) => Promise<void>)

/** Runs a program of this machine to its end. Rejects only where it cannot be started, or where what should be its input fails. */
export function runProgram(argv: readonly string[], input?: Input, signal?: AbortSignal): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const [program = '', ...rest] = argv
    const child = spawn(program, rest, {
      env: plainEnvironment,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout!.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr!.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.stdin?.on('error', () => {})
    if (typeof input === 'function')
      input(child.stdin!).catch((error) => {
        reject(error)
        child.kill('SIGKILL')
      })
    else child.stdin?.end(input)
    child.on('close', (code, name) =>
      resolve({ code: codeOf(code, name), stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') }),
    )
  })
}

/** What a program prints, as it flows. Its failure shows in what is missing. */
export async function* readProgram(argv: readonly string[], input: Uint8Array): AsyncGenerator<Uint8Array> {
  const [program = '', ...rest] = argv
  const child = spawn(program, rest, { env: plainEnvironment, stdio: ['pipe', 'pipe', 'ignore'] })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  yield* child.stdout
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
}

export function codeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signalNumbers[signal ?? ''] ?? 1)
}

export function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(codeOf(code, signal)))
  })
}

/** A word as a shell takes it literally. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
