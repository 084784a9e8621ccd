import type { ChildProcess } from 'node:child_process'
import { devNull } from 'node:os'
import { isMissingProgram, TareError } from '../../../support/index.ts'
import { type Environment, gitEnvironment, held, type Setting, settingsOf } from './settings.ts'

export interface GitOptions {
  readonly environment: Environment
  /** Settings in addition to the user's own. */
  readonly settings?: readonly Setting[] | undefined
  readonly signal?: AbortSignal | undefined
  /** Called with git's output while it runs. */
  readonly hear?: ((text: string) => void) | undefined
  /** Milliseconds without output after which git counts as stuck. Default: ten minutes. */
  readonly idleTimeout?: number | undefined
}

/** How git ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs this machine's git, with everything disabled that a hostile repository could make it do. */
export class Git {
  private readonly options: GitOptions
  private readonly environment: Record<string, string>

  private constructor(options: GitOptions, settings: readonly Setting[]) {
    this.options = options
    this.environment = gitEnvironment(options.environment, [...settings, ...(options.settings ?? [])])
  }

  /** Throws `GIT_MISSING`. */
  static async open(options: GitOptions): Promise<Git> {
    // Ignores any repository in the current directory.
    const ask = ['--git-dir', devNull, 'config', '--list', '-z']
    const { stdout } = await run(ask, { ...options, hear: undefined }, { ...defined(options.environment), LC_ALL: 'C' })
    return new Git(options, settingsOf(stdout))
  }

  /** Runs git to its end, successful or not. Rejects with the signal's reason, or `GIT_FAILED` if git is stuck. */
  run(args: readonly string[], folder?: string): Promise<Ended> {
    return run([...held, ...args], this.options, this.environment, folder)
  }
}

// More than any output that is read.
const mostOutput = 16 << 20
const tenMinutes = 600_000

async function run(
  args: readonly string[],
  { signal, hear, idleTimeout = tenMinutes }: GitOptions,
  env: Record<string, string>,
  cwd?: string,
): Promise<Ended> {
  signal?.throwIfAborted()
  const { spawn } = await import('node:child_process')
  // Its own process group, so that everything git starts (ssh, helpers, git for submodules) ends with it. It has no terminal to
  // prompt on.
  const grouped = process.platform !== 'win32'
  const start = () =>
    spawn('git', args, {
      env,
      detached: grouped,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    })
  const child = unlessMissing(start)
  const kill = () => killGroup(child, grouped)
  let stuck = false
  const giveUp = () => {
    stuck = true
    kill()
  }
  let timer = setTimeout(giveUp, idleTimeout)
  let stdout = ''
  let stderr = ''
  const collect = (add: (text: string) => void) => (text: string) => {
    clearTimeout(timer)
    timer = setTimeout(giveUp, idleTimeout)
    add(text)
  }
  child.stdout.setEncoding('utf8').on(
    'data',
    collect((text) => {
      if (stdout.length < mostOutput) stdout += text
    }),
  )
  child.stderr.setEncoding('utf8').on(
    'data',
    collect((text) => {
      stderr = (stderr + text).slice(-(64 << 10))
      hear?.(text)
    }),
  )
  signal?.addEventListener('abort', kill)
  process.on('exit', kill)
  try {
    const code = await endOf(child)
    signal?.throwIfAborted()
    if (stuck)
      throw new TareError(
        'GIT_FAILED',
        `git was silent for ${Math.round(idleTimeout / 1000)} seconds and was stopped`,
        {
          remedy: 'The server may be slow or gone: try again later.',
        },
      )
    return { code, stdout, stderr }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', kill)
    process.off('exit', kill)
  }
}

function killGroup(child: ChildProcess, grouped: boolean): void {
  if (child.pid === undefined) return
  try {
    if (grouped) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // It has already ended.
  }
}

function unlessMissing<T>(start: () => T): T {
  try {
    return start()
  } catch (error) {
    throw isMissingProgram(error) ? missing(error) : error
  }
}

/**
 * Returns the exit code once all output has arrived. A persistent ssh connection may keep the pipes open; it is not waited for.
 */
function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(isMissingProgram(error) ? missing(error) : error))
    child.on('close', (code) => resolve(code ?? 1))
    child.on('exit', () => {
      const late = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, 300)
      child.on('close', () => clearTimeout(late))
    })
  })
}

function missing(cause: unknown): TareError {
  return new TareError('GIT_MISSING', 'fetching a git repository needs git, which is not installed', {
    cause,
    remedy:
      'Install it (`apt-get install git`, `apk add git`), or check the repository out elsewhere and use the folder.',
  })
}

function defined(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
