import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { messageOf, TareError } from '../../../support/index.ts'
import { ended, plainEnvironment, signalCommand } from '../machine/index.ts'
import type { StepOptions } from '../step/index.ts'
import { sealed } from './descriptors.ts'
import { hear } from './hear.ts'
import { refusedTarget } from './nested-mounts.ts'
import type { OutputPipes } from './output-pipes.ts'

export interface ProcessFacts {
  /** The command line of the step's outer script. */
  readonly argv: readonly string[]
  /** Additional variables with secrets. */
  readonly hidden: Readonly<Record<string, string>>
  /** What is sent to descriptor 4. */
  readonly secrets: Uint8Array
  /** Where the root is mounted; removed from error messages. */
  readonly root: string
  /** Undefined: the command has the terminal. */
  readonly pipes: OutputPipes | undefined
  /** Called when the size of our terminal has changed, if the runtime does not forward it. */
  readonly resize?: ((pid: number) => void) | undefined
}

/**
 * The outer script of a step. It reports on descriptor 3 how the command ended, and keeps running, and with it the mounts, until
 * it is ended.
 */
export class OverlayProcess {
  private readonly facts: ProcessFacts
  private readonly options: StepOptions
  private child: ChildProcess | undefined
  private childEnded: Promise<number> | undefined

  constructor(facts: ProcessFacts, options: StepOptions) {
    this.facts = facts
    this.options = options
  }

  get pid(): number {
    return this.child!.pid!
  }

  /** Returns the exit code of the command, or of the runtime that should have started it. Throws `SANDBOX_FAILED`. */
  async run(): Promise<number> {
    const { hidden, root, secrets, pipes } = this.facts
    const { inherit, started } = this.options
    const [out, err] = pipes?.ends ?? (['inherit', 'inherit'] as const)
    const input = inputOf(inherit)
    const { argv, stdio, done } = sealed(this.facts.argv, [
      ...(['pipe', out, err, 'pipe', 'pipe'] as const),
      input === 'piped' ? 'pipe' : input === 'own' ? 0 : 'ignore',
    ])
    const [program = '', ...rest] = argv
    const child: ChildProcess = spawn(program, rest, { env: { ...plainEnvironment, ...hidden }, stdio })
    done()
    pipes?.handedOver()
    this.child = child
    this.childEnded = ended(child)
    this.childEnded.catch(() => {})
    const stop = () => child.kill('SIGKILL')
    this.options.signal.addEventListener('abort', stop, { once: true })
    const heard = hear(pipes?.streams, this.options, stop)
    const secretPipe = child.stdio[4] as Writable
    secretPipe.on('error', () => {})
    secretPipe.end(secrets)
    child.stdin!.on('error', () => {})
    const keepInput = input === 'piped' ? passInput((child.stdio as readonly unknown[])[5] as Writable) : undefined
    let said = ''
    const status = new Promise<void>((resolve) => {
      const pipe = child.stdio[3]! as NodeJS.ReadableStream
      pipe.setEncoding('utf8')
      pipe.on('data', (text: string) => {
        said += text
        if (started !== undefined && /^ready$/m.test(text)) started((signal) => this.send(signal))
        if (/^exit \d+\n/m.test(said)) resolve()
      })
      pipe.on('close', resolve)
    })
    try {
      await Promise.race([status, this.childEnded])
      await status
      await heard.drained
    } catch (cause) {
      throw new TareError('SANDBOX_FAILED', `cannot start ${program}: ${messageOf(cause)}`, { cause })
    } finally {
      this.options.signal.removeEventListener('abort', stop)
      keepInput?.()
    }
    this.options.signal.throwIfAborted()
    heard.check()
    const code = /^exit (\d+)$/m.exec(said)?.[1]
    if (code !== undefined && /^ready$/m.test(said)) return Number(code)
    throw complaint(said, root)
  }

  private send(signal: NodeJS.Signals): void {
    if (signal === 'SIGWINCH' && this.options.inherit?.terminal === true) this.facts.resize?.(this.pid)
    else signalCommand(this.pid, signal)
  }

  async end(): Promise<void> {
    this.child?.kill('SIGKILL')
    await this.childEnded?.catch(() => {})
  }
}

/**
 * What the command's input is. It gets a pipe, which its user can reopen by a name such as /dev/stdin, and never a file of ours:
 * crun gives its command's user whatever is there.
 */
export function inputOf(inherit: StepOptions['inherit']): 'none' | 'own' | 'piped' {
  if (inherit?.stdin !== true) return 'none'
  return inherit.terminal ? 'own' : 'piped'
}

/** The start of a line of the outer script: the next program’s input 5 is a pipe of what arrives on 5 here. */
export const pipedInput = '{ cat <&5 5<&- 3>&- 4<&- 8>&- 9>&- 2>/dev/null & } | 5<&0 </dev/null '

/** Sends our input there. Returns a function that stops. */
function passInput(to: Writable): () => void {
  to.on('error', () => {})
  process.stdin.pipe(to)
  return () => {
    process.stdin.unpipe(to)
    process.stdin.pause()
    to.destroy()
  }
}

function complaint(said: string, root: string): TareError {
  const lines = said.split('\n').filter((line) => line !== '' && !/^exit \d+$|dmesg\(1\)|^ready$/.test(line))
  const target = lines.find((line) => line.startsWith(refusedTarget))?.slice(refusedTarget.length)
  if (target !== undefined) {
    const said = lines.find((line) => /: Read-only file system$/i.test(line))
    const why =
      said === undefined ? 'it is a link, or of another type' : 'it does not exist, and the mount above is read-only'
    return new TareError('MOUNT_TARGET_INVALID', `cannot mount at ${target.replace(root, '')}: ${why}`, {
      remedy: 'A target inside another mount must exist or be creatable; links on the way are not followed.',
    })
  }
  const words = lines.join('; ').replaceAll(root, '')
  return new TareError(
    'SANDBOX_FAILED',
    `cannot set up the filesystem of the step${words === '' ? '' : `: ${words}`}`,
    {
      remedy: '`tare doctor` shows what this machine allows and how to fix it; --isolation selects another sandbox.',
    },
  )
}
