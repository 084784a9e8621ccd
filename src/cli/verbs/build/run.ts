import type { RunOptions } from '../../../index.ts'
import { type Call, defineVerb } from '../../command.ts'
import { Failure, UsageError, usageExitCode } from '../../failure.ts'
import { sizeOf } from '../../flags.ts'
import { hasLostTerminal } from '../../interruption.ts'
import { progressOutput } from '../../progress-output.ts'
import { pulled, showTransfers, type Transfers } from '../../render/transfers.ts'
import { tell } from '../../streams.ts'
import { readEnvFile } from './env-file.ts'
import { readHostFlag, readLimitFlag, readVolumeFlag } from './flag-values.ts'
import { readIsolation } from './isolation.ts'
import { allRunFlags, type RunFlags } from './run-flags.ts'
import { readMountFlag, readTmpfsFlag } from './run-mount-flags.ts'

export const run = defineVerb({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  args: { least: 1, most: Number.POSITIVE_INFINITY },
  flagsFirst: true,
  flags: allRunFlags,
  run: async (call) => {
    const { flags, streams } = call
    const options = readRunOptions(call)
    if (flags.tty && (streams.stdin.isTTY !== true || streams.stdout.isTTY !== true))
      throw new Failure('the input device is not a TTY', {
        remedy: 'Drop -t: a command reading from a pipe needs only -i.',
      })
    for (const text of ignored(flags)) await tell(streams, `WARNING: ${text}\n`)
    const tare = await call.open()
    const signals = forwardSignals(call)
    const progress = pullProgress(call)
    try {
      return await tare.run({
        ...options,
        report: progress.report,
        started: (send) => {
          progress.finish()
          signals.started(send)
        },
        signal: signals.signal,
      })
    } catch (error) {
      throw signals.signal.aborted ? signals.signal.reason : explain(error)
    } finally {
      progress.finish()
      signals.stop()
    }
  },
})

type RunCall = Call<RunFlags>

function readRunOptions(call: RunCall): RunOptions {
  const { flags, args, env, given } = call
  const [image = '', ...command] = args
  const pull = (['always', 'missing', 'never'] as const).find((when) => when === flags.pull)
  if (pull === undefined)
    throw new UsageError(`invalid pull option ${JSON.stringify(flags.pull)}`, 'Use always, missing or never.')
  const own = flags.env.flatMap((text) =>
    text.includes('=') ? text : env[text] === undefined ? [] : `${text}=${env[text]}`,
  )
  return {
    ...{ image, command, pull, platform: flags.platform || undefined, isolation: readIsolation(flags.isolation) },
    ...{
      network: networkOf(given.has('network') ? flags.network : (flags.net ?? flags.network)),
      hosts: flags['add-host'].filter(Boolean).map(forRun(readHostFlag)),
    },
    mounts: [
      ...flags.volume.map(forRun(readVolumeFlag)),
      ...flags.mount.map(readMountFlag),
      ...flags.tmpfs.map(readTmpfsFlag),
    ],
    readonly: flags['read-only'],
    shmSize: sizeOf(flags['shm-size']),
    limits: flags.ulimit.map(forRun(readLimitFlag)),
    entrypoint: flags.entrypoint === undefined ? undefined : [flags.entrypoint].filter(Boolean),
    env: Object.fromEntries(
      [...flags['env-file'].flatMap((path) => readEnvFile(path, env)), ...own].map(splitVariable),
    ),
    workdir: flags.workdir || undefined,
    user: flags.user || undefined,
    stdio: 'inherit',
    stdin: flags.interactive,
    terminal: flags.tty,
  }
}

/** `bridge` is what docker's command lines say for the usual network. */
function networkOf(text: string | undefined): RunOptions['network'] {
  return (text === '' || text === 'bridge' ? 'default' : text) as RunOptions['network']
}

/** A value that cannot be read ends `run` with the exit code of a wrong flag, so that it is not taken for the command's own. */
function forRun<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      throw new Failure(error.message, { remedy: error.remedy, exitCode: usageExitCode })
    }
  }
}

function splitVariable(text: string): readonly [string, string] {
  const sign = text.indexOf('=')
  return [text.slice(0, sign), text.slice(sign + 1)]
}

function ignored(flags: RunCall['flags']): readonly string[] {
  return [
    ...(flags.name === undefined ? [] : ['--name is ignored: tare run keeps no container.']),
    ...(flags.init ? ['--init is ignored: the command is PID 1, and all other processes end with it.'] : []),
  ]
}

/** Shows the layers that are fetched before the command starts; then the terminal is the command's. */
function pullProgress(call: RunCall): Transfers {
  if (call.flags.quiet) return { report: () => {}, finish: () => {} }
  let transfers: Transfers | undefined
  return {
    report: (event) => {
      if (event.type !== 'transfer') return
      if (transfers === undefined) void tell(call.streams, `Unable to find all of '${call.args[0]}' locally\n`)
      transfers ??= showTransfers(progressOutput(call), pulled)
      transfers.report(event)
    },
    finish: () => {
      transfers?.finish()
      transfers = undefined
    },
  }
}

const exitCodes: Readonly<Record<string, number>> = { COMMAND_MISSING: 127, COMMAND_REFUSED: 126 }

/** Returns docker's exit codes: 127 for a missing command, 126 for one that cannot be executed, 125 for all other failures. */
function explain(error: unknown): unknown {
  const { code, message, remedy } = error as { code?: unknown; message?: string; remedy?: string }
  if (typeof code !== 'string' || message === undefined || !(error as Error).name.startsWith('TareError')) return error
  return new Failure(message, { remedy, exitCode: exitCodes[code] ?? usageExitCode })
}

const forwarded: readonly NodeJS.Signals[] = [
  ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const),
]
const deadly: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

/** After this many signals without effect, the command is killed. */
const idleTimeout = 3

/** So many milliseconds after its terminal was closed, too: most commands ignore that as the first process of their namespace. */
const lastMoment = 1000

interface Forwarding {
  readonly started: (send: (signal: NodeJS.Signals) => void) => void
  readonly signal: AbortSignal
  stop(): void
}

/** Forwards signals to the command. On a terminal, Ctrl-C reaches it anyway, and it ends with its terminal. */
function forwardSignals(call: Pick<RunCall, 'flags' | 'takeSignals'>): Forwarding {
  call.takeSignals()
  const controller = new AbortController()
  let send: ((signal: NodeJS.Signals) => void) | undefined
  let asked = 0
  let timer: NodeJS.Timeout | undefined
  const end = (exitCode: number) => controller.abort(new Failure('canceled', { exitCode }))
  const hear = (name: NodeJS.Signals) => {
    const exitCode = deadly[name]
    if (exitCode !== undefined && (send === undefined || ++asked >= idleTimeout)) return end(exitCode)
    const known = call.flags.tty && (name === 'SIGINT' || name === 'SIGQUIT')
    if (!known) send?.(name)
    if (name === 'SIGHUP' && (call.flags.tty || hasLostTerminal())) timer ??= setTimeout(() => end(129), lastMoment)
  }
  for (const name of forwarded) process.on(name, hear)
  return {
    signal: controller.signal,
    started: (how) => {
      send = how
    },
    stop: () => {
      clearTimeout(timer)
      for (const name of forwarded) process.off(name, hear)
    },
  }
}
