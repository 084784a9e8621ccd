import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Bytes } from '../../support/index.ts'
import { TrackedSource } from './transform.ts'

export type Program = ChildProcessByStdio<Writable, Readable, Readable>

/** Starts a program without a shell; returns undefined if it is not installed or not executable. */
export async function start(name: string, args: readonly string[]): Promise<Program | undefined> {
  const { spawn } = await import('node:child_process')
  return new Promise<Program>((resolve, reject) => {
    // Some errors that usually arrive as events are thrown, for example if an entry of PATH is a file.
    const program = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true })
    program.once('spawn', () => resolve(program))
    program.once('error', reject)
  }).catch(() => undefined)
}

/**
 * Sends bytes through a program that compresses or decompresses; `failed` turns its stderr into an error. The program is killed
 * if the reader stops early or the input fails.
 */
export async function* throughProgram(bytes: Bytes, program: Program, failed: (words: string) => unknown): Bytes {
  const source = new TrackedSource(bytes)
  const complaint = lastWords(program.stderr)
  const end = new Promise<string | undefined>((resolve) => {
    program.on('error', (error) => resolve(error.message))
    program.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `it ended with ${signal ?? `code ${code}`}`),
    )
  })
  // If the program has read enough, the pipe breaks; its exit code shows whether that is an error.
  const feeding = pipeline(source.bytes(), program.stdin).catch(() => {})
  try {
    for await (const chunk of program.stdout) yield chunk
    const failure = await end
    await feeding
    if (source.failure !== undefined) throw source.failure.error
    const words = complaint()
    // bzip2 only warns of this, and would lose what follows the garbage.
    if (failure !== undefined || words.includes('trailing garbage')) throw failed(words || failure || '')
  } finally {
    program.kill('SIGKILL')
    program.stdin.destroy()
    program.stdout.destroy()
    program.stderr.destroy()
  }
}

function lastWords(stderr: Readable): () => string {
  let text = ''
  stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(0, 1000)
  })
  return () => text.trim().replace(/\s+/g, ' ')
}
