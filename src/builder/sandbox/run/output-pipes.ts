import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { ProcessFiles } from '../../../disk/index.ts'
import { TareError } from '../../../support/index.ts'
import { findProgram, runProgram } from '../machine/index.ts'
import type { OutputStream } from '../step/index.ts'

const names = ['stdout', 'stderr'] as const
const stepsAtOnce = 8

/** Creates pipes for several steps at once, since each time takes a process. */
export class PipeStock {
  private readonly work: ProcessFiles
  private readonly folders: string[] = []
  private readonly ready: string[] = []
  private making: Promise<void> | undefined

  constructor(work: ProcessFiles) {
    this.work = work
  }

  /** Returns unused pipes. Throws `SANDBOX_FAILED`. */
  async take(): Promise<OutputPipes> {
    for (;;) {
      const next = this.ready.pop()
      if (next !== undefined) return new OutputPipes(next)
      this.making ??= this.make().finally(() => {
        this.making = undefined
      })
      await this.making
    }
  }

  close(): void {
    this.ready.length = 0
    for (const folder of this.folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  }

  private async make(): Promise<void> {
    const folder = this.work.make()
    this.folders.push(folder)
    const made = Array.from({ length: stepsAtOnce }, (_, i) => join(folder, `${i}-`))
    const paths = made.flatMap((prefix) => names.map((name) => `${prefix}${name}`))
    const { code, stderr } = await runProgram([findProgram('mkfifo') ?? 'mkfifo', '-m', '666', '--', ...paths])
    if (code !== 0) throw new TareError('SANDBOX_FAILED', `cannot make pipes for the output: ${stderr.trim()}`)
    this.ready.push(...made)
  }
}

/**
 * Pipes for a command's output. Node uses sockets, which cannot be reopened by a name such as /dev/stdout; these are named pipes,
 * open to every user of the step.
 */
export class OutputPipes {
  private readonly prefix: string
  private readonly writing: number[] = []
  readonly streams: Readonly<Record<OutputStream, Socket>>

  constructor(prefix: string) {
    this.prefix = prefix
    const [stdout, stderr] = names.map((name) => this.open(name))
    this.streams = { stdout: stdout!, stderr: stderr! }
  }

  /** The ends the command writes to: standard output, standard error. */
  get ends(): readonly [number, number] {
    return [this.writing[0]!, this.writing[1]!]
  }

  /** Returns the pipe's path; valid until `close`. */
  path(name: OutputStream): string {
    return `${this.prefix}${name}`
  }

  /** Must be called once the command has its ends, so that the pipes end with its last process. */
  handedOver(): void {
    for (const fd of this.writing.splice(0)) closeSync(fd)
  }

  close(): void {
    this.handedOver()
    for (const name of names) {
      this.streams[name].destroy()
      rmSync(this.path(name), { force: true })
    }
  }

  private open(name: OutputStream): Socket {
    const path = this.path(name)
    // Opened for reading first, without blocking, so that opening for writing does not block either.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    this.writing.push(openSync(path, constants.O_WRONLY))
    return new Socket({ fd, readable: true, writable: false })
  }
}
