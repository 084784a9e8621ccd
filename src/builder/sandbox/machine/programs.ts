import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import type { Writable } from 'node:stream'

// Directories with system tools that an ordinary user's PATH omits.
const usual = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

// Programs found so far: each step asks for a dozen.
const found = new Map<string, string>()

/** Returns the path of a program on this machine. */
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

/** Whether the program is a BusyBox applet. */
export function isBusyBox(path: string): boolean {
  try {
    return basename(realpathSync(path)) === 'busybox'
  } catch {
    return false
  }
}

function isExecutable(path: string): boolean {
  try {
    // Checked with stat first: most directories do not have it, and exceptions are slow.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The environment of our own tools: contains nothing from an image. */
export const plainEnvironment: Readonly<Record<string, string>> = { PATH: usual.join(':'), LC_ALL: 'C' }

export interface Finished {
  /** As reported by a shell. */
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** A program's input: bytes, or a function that writes them and ends the stream. */
export type ProgramInput = Uint8Array | ((stdin: Writable) => Promise<void>)

/**
 * Runs a program of this machine to its end. Rejects only if it cannot be started, if its input fails, or if `signal` ends it, with
 * all processes that it has started.
 */
export function runProgram(argv: readonly string[], input?: ProgramInput, signal?: AbortSignal): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const [program = '', ...rest] = argv
    const child = spawn(program, rest, {
      env: plainEnvironment,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      // As a process group, it can be killed with its children: that of unshare would wait forever for its parent.
      detached: signal !== undefined,
    })
    const abort = () => {
      if (child.pid !== undefined) killGroup(child.pid)
      for (const stream of [child.stdout, child.stderr]) stream?.destroy()
      reject(signal?.reason)
    }
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
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
    child.on('close', (code, name) => {
      signal?.removeEventListener('abort', abort)
      resolve({ code: codeOf(code, name), stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') })
    })
  })
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** Streams a program's output. On failure, output is missing. */
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

/** Quotes a word for a shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
