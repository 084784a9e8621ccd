import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { onTestFinished } from 'vitest'
import { checkout, temporaryFolder } from './cli.ts'

/** A process that runs TypeScript of ours. */
export interface OtherProcess {
  readonly child: ChildProcess
  /** Resolves with the next line that it prints. */
  line(): Promise<string>
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

/** Makes a program of the text, whose imports count from the checkout; to be started any number of times. */
export async function programOf(text: string): Promise<(...args: readonly string[]) => OtherProcess> {
  const outfile = join(temporaryFolder(), 'program.mjs')
  const stdin = { contents: text, resolveDir: checkout, loader: 'ts' } as const
  await build({ stdin, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
  return (...args) => begin(outfile, args)
}

function begin(file: string, args: readonly string[]): OtherProcess {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
    for (const part of parts) (waiting.shift() ?? ((line) => lines.push(line)))(part)
  })
  const ended = new Promise<number | string>((resolve) => child.on('close', (code, signal) => resolve(code ?? signal!)))
  const line = () =>
    new Promise<string>((resolve, reject) => {
      const ready = lines.shift()
      if (ready !== undefined) resolve(ready)
      else waiting.push(resolve)
      void ended.then((how) => reject(new Error(`the process ended with ${how}`)))
    })
  return { child, line, ended }
}
