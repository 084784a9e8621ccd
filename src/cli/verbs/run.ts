import type { BuildOptions } from '../../index.ts'
import { type Call, defineVerb } from '../command.ts'
import { Failure, usageExitCode } from '../failure.ts'
import type { FlagTable } from '../flags.ts'
import { readIsolation } from './isolation.ts'
import { loginFlags } from './login-flags.ts'

const flags = {
  ...loginFlags,
  entrypoint: { type: 'string', help: 'Overwrite the default ENTRYPOINT of the image' },
  env: { type: 'list', short: 'e', help: 'Set environment variables' },
  interactive: { type: 'bool', short: 'i', help: 'Give the command the standard input' },
  isolation: { type: 'string', help: 'Sandbox: "auto", "oci", "namespace", "chroot"' },
  network: { type: 'string', help: 'Network: "host" (of this machine) or "none"', default: 'host' },
  quiet: { type: 'bool', short: 'q', help: 'Suppress the pull output', hidden: true },
  rm: { type: 'bool', help: 'Nothing stays in any case', hidden: true, default: true },
  tty: { type: 'bool', short: 't', help: 'Give the command this terminal' },
  user: { type: 'string', short: 'u', help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
  volume: { type: 'list', short: 'v', help: 'Mount a directory or file: "SOURCE:TARGET[:ro]"' },
  workdir: { type: 'string', short: 'w', help: 'Working directory in the image' },
} as const satisfies FlagTable

export const run = defineVerb({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  args: { least: 1, most: Number.POSITIVE_INFINITY },
  flagsFirst: true,
  flags,
  run: async (call) => {
    const { flags, args, env, streams } = call
    const [image = '', ...command] = args
    const isolation: BuildOptions['isolation'] = readIsolation(flags.isolation)
    if (flags.tty && (streams.stdin.isTTY !== true || streams.stdout.isTTY !== true))
      throw new Failure('the input device is not a TTY', {
        remedy: 'Leave -t out: a command that reads a pipe needs -i alone.',
      })
    const tare = await call.open()
    const signals = forwardSignals(call)
    try {
      return await tare.run({
        ...{ image, command, isolation, network: flags.network, volumes: flags.volume },
        entrypoint: flags.entrypoint === undefined ? undefined : [flags.entrypoint].filter(Boolean),
        env: flags.env.flatMap((text) =>
          text.includes('=') ? text : env[text] === undefined ? [] : `${text}=${env[text]}`,
        ),
        workdir: flags.workdir || undefined,
        user: flags.user || undefined,
        stdin: flags.interactive,
        terminal: flags.tty,
        started: signals.started,
        signal: signals.signal,
      })
    } catch (error) {
      throw signals.signal.aborted ? signals.signal.reason : explain(error)
    } finally {
      signals.stop()
    }
  },
})

const exitCodes: Readonly<Record<string, number>> = { COMMAND_MISSING: 127, COMMAND_REFUSED: 126 }

/** Docker's exit codes: 127 for what is not there, 126 for what cannot be executed, 125 for all that is not the command's own. */
function explain(error: unknown): unknown {
  const { code, message, remedy } = error as { code?: unknown; message?: string; remedy?: string }
  if (typeof code !== 'string' || message === undefined || !(error as Error).name.startsWith('TareError')) return error
  return new Failure(message, { remedy, exitCode: exitCodes[code] ?? usageExitCode })
}

const forwarded: readonly NodeJS.Signals[] = [
  ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const),
]
const deadly: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

/** Who is asked to end thrice, and does not, is ended. */
const patience = 3

interface Forwarding {
  readonly started: (send: (signal: NodeJS.Signals) => void) => void
  readonly signal: AbortSignal
  stop(): void
}

/** Signals go to the command. With a terminal, Ctrl-C reaches it from there already. */
function forwardSignals(call: Pick<Call<typeof flags>, 'flags' | 'takeSignals'>): Forwarding {
  call.takeSignals()
  const controller = new AbortController()
  let send: ((signal: NodeJS.Signals) => void) | undefined
  let asked = 0
  const hear = (name: NodeJS.Signals) => {
    const exitCode = deadly[name]
    if (exitCode !== undefined && (send === undefined || ++asked >= patience)) {
      controller.abort(new Failure('canceled', { exitCode }))
      return
    }
    const known = call.flags.tty && (name === 'SIGINT' || name === 'SIGQUIT' || name === 'SIGWINCH')
    if (!known) send?.(name)
  }
  for (const name of forwarded) process.on(name, hear)
  return {
    signal: controller.signal,
    started: (how) => {
      send = how
    },
    stop: () => {
      for (const name of forwarded) process.off(name, hear)
    },
  }
}
