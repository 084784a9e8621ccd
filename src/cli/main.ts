import { existsSync } from 'node:fs'
import type { AnyVerb, VerbContext } from './command.ts'
import { type CommandEntry, findCommand, groups } from './commands.ts'
import { Failure, notYet, UsageError } from './failure.ts'
import { type FlagTable, parseFlags } from './flags.ts'
import { globalFlags } from './global-flags.ts'
import { watchForInterruption } from './interruption.ts'
import { BrokenPipe, isBrokenPipe, type OutputStream, print, processStreams, type Streams, tell } from './streams.ts'

/**
 * Runs one command. Resolves to the exit code once everything is written and cleaned up: 0; 1 for a failure; 125 for a wrong
 * flag; 130 or 143 after Ctrl-C or SIGTERM. Never rejects.
 */
export async function main(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  given: Streams = processStreams,
): Promise<number> {
  const watch = watchForInterruption()
  const invocation: Invocation = { command: undefined, debug: false, json: false, failsWith: 1 }
  const { streams, unwatch } = watchReaders(given, (reason) => watch.abort(reason))
  try {
    return await dispatch(argv, { env, streams, signal: watch.signal, takeSignals: () => watch.stop() }, invocation)
  } catch (thrown) {
    // After Ctrl-C, whatever the verb throws only shows that it stopped.
    const error = watch.signal.aborted ? (watch.signal.reason as Failure) : thrown
    const { reportError, reportErrorAsJson } = await import('./print-error.ts')
    const { text, exitCode } = invocation.json
      ? await reportErrorAsJson(error)
      : await reportError(error, invocation.command, invocation.debug)
    await tell(streams, text)
    return exitCode === 1 ? invocation.failsWith : exitCode
  } finally {
    unwatch()
    watch.end()
  }
}

/** What is known about the command so far, for the error message. */
interface Invocation {
  command: string | undefined
  debug: boolean
  /** Whether the output is JSON for a program. */
  json: boolean
  failsWith: number
}

type Surroundings = Pick<VerbContext, 'env' | 'streams' | 'signal' | 'takeSignals'>

async function dispatch(argv: readonly string[], around: Surroundings, invocation: Invocation): Promise<number> {
  const { streams } = around
  const { values, args, help } = parseFlags(globalFlags, argv, { interspersed: false })
  invocation.debug = values.debug || values['log-level'] === 'debug'
  if (values.version) return printVersion(around)
  if (args[0] === '__complete')
    return (await import('./completion/answer.ts')).answerCompletion(args.slice(1), around.env, streams)
  if (args[0] === 'help') return printHelp(args.slice(1), streams)
  if (help || args.length === 0) return printRootHelp(streams)
  const { name, command, rest } = await route(args)
  if (command === undefined) return runGroup(name, rest, streams, invocation)
  invocation.command = name
  const verb = await command.load()
  invocation.failsWith = verb.failsWith
  const parsed = parseFlags<FlagTable>(verb.flags, rest, { interspersed: !verb.flagsFirst })
  if (parsed.given.has('debug')) invocation.debug = true
  invocation.json = parsed.given.has('json') || parsed.values['progress'] === 'rawjson'
  if (parsed.help) return printVerbHelp(name, command, verb, streams)
  const later = [...parsed.given].find((flag) => verb.flags[flag]?.notYet === true)
  if (later !== undefined) throw notYet(`--${later}`)
  checkArguments(name, verb, parsed.args.length)
  const open: VerbContext['open'] = async () => {
    const { openTare } = await import('../index.ts')
    return openTare({
      environment: withLoginFile(around.env, parsed.values['authfile'], verb.makesLogins),
      report: (event) => {
        if (event.type !== 'warning') return
        void tell(streams, invocation.json ? `${JSON.stringify(event)}\n` : `WARNING: ${event.message}\n`)
      },
    })
  }
  const context = { ...around, debug: invocation.debug, name: `tare ${name}`, open, now: () => Date.now() }
  return verb.start(context, parsed)
}

/** Returns the environment with `--authfile` as the only login file. */
function withLoginFile(env: NodeJS.ProcessEnv, path: unknown, mayBeNew: boolean): NodeJS.ProcessEnv {
  if (typeof path !== 'string') return env
  if (path === '' || (!mayBeNew && !existsSync(path)))
    throw new Failure(`--authfile names "${path}", which does not exist`, {
      remedy: '`tare login --authfile` creates it.',
    })
  return { ...env, REGISTRY_AUTH_FILE: path }
}

interface Route {
  readonly name: string
  /** Undefined if `name` is a group. */
  readonly command: CommandEntry | undefined
  readonly rest: readonly string[]
}

/** Resolves `image ls -q` and `images -q` to the verb. Rejects with a UsageError if there is none. */
async function route(args: readonly string[]): Promise<Route> {
  const [first, second] = args as [string, ...string[]]
  if (Object.hasOwn(groups, first)) {
    const name = `${first} ${second}`
    const command = second === undefined ? undefined : findCommand(name)
    if (command !== undefined) return { name, command, rest: args.slice(2) }
    return { name: first, command: undefined, rest: args.slice(1) }
  }
  const command = findCommand(first)
  if (command === undefined) throw await unknownCommand(args, first)
  return { name: first, command, rest: args.slice(1) }
}

/** `tare image` alone, with flags, or with an unknown verb. */
async function runGroup(
  group: string,
  rest: readonly string[],
  streams: Streams,
  invocation: Invocation,
): Promise<number> {
  invocation.command = group
  const { args, help } = parseFlags({}, rest, { interspersed: false })
  if (args[0] !== undefined && args[0] !== 'help') throw await unknownCommand([group, ...args], `${group} ${args[0]}`)
  const { groupHelp } = await import('./help.ts')
  // Requested help is the result; otherwise it accompanies an error.
  if (help || args[0] === 'help') await print(streams, groupHelp(group))
  else await tell(streams, groupHelp(group))
  return 0
}

/** `words` is the command line from the name on; its second word may show what was meant. Docker exits with 1. */
async function unknownCommand(words: readonly string[], name: string): Promise<UsageError> {
  const { explainMissing } = await import('./missing.ts')
  return new UsageError(`tare: '${name}' is not a tare command`, explainMissing(words), 1)
}

function checkArguments(name: string, verb: AnyVerb, count: number): void {
  const { least, most } = verb.args
  if (count >= least && count <= most) return
  const number = (n: number) => `${n} argument${n === 1 ? '' : 's'}`
  if (most === 0) throw new UsageError(`"tare ${name}" accepts no arguments`, undefined, 1)
  const wanted =
    least === most ? number(least) : count < least ? `at least ${number(least)}` : `at most ${number(most)}`
  throw new UsageError(`"tare ${name}" requires ${wanted}`, `Usage:  tare ${name} ${verb.usage}`, 1)
}

async function printVersion({ env, streams }: Surroundings): Promise<number> {
  const { openTare } = await import('../index.ts')
  const { version } = await (await openTare({ environment: env })).version()
  await print(streams, `tare version ${version}\n`)
  return 0
}

/** `tare help image ls`. */
async function printHelp(words: readonly string[], streams: Streams): Promise<number> {
  if (words.length === 0) return printRootHelp(streams)
  const { name, command } = await route(words)
  if (command !== undefined) return printVerbHelp(name, command, await command.load(), streams)
  const verb = words[1]
  if (verb !== undefined) throw await unknownCommand(words, `${name} ${verb}`)
  const { groupHelp } = await import('./help.ts')
  await print(streams, groupHelp(name))
  return 0
}

async function printRootHelp(streams: Streams): Promise<number> {
  const { rootHelp } = await import('./help.ts')
  await print(streams, rootHelp(globalFlags, widthOf(streams.stdout)))
  return 0
}

async function printVerbHelp(name: string, command: CommandEntry, verb: AnyVerb, streams: Streams): Promise<number> {
  const { verbHelp } = await import('./help.ts')
  await print(streams, verbHelp(name, command, verb, widthOf(streams.stdout)))
  return 0
}

function widthOf(stream: OutputStream): number {
  return (stream.columns || 80) - 1
}

const heard = new WeakSet<OutputStream>()

/**
 * Notices when the reader of standard output or error goes away, like SIGPIPE: `tare build 2>&1 | head`. Other failures are
 * reported by `write`; without a listener, the stream's own event would end the process, even after `main` has resolved. Returns
 * the same streams, each watched from its first use on.
 */
function watchReaders(given: Streams, gone: (reason: Failure) => void): Watched {
  const hear = (error: Error) => {
    if (isBrokenPipe(error)) gone(new BrokenPipe())
  }
  const watched = new Set<OutputStream>()
  const watch = (stream: OutputStream): OutputStream => {
    if (watched.has(stream)) return stream
    if (!heard.has(stream)) stream.on('error', () => {})
    heard.add(stream)
    watched.add(stream)
    return stream.on('error', hear)
  }
  const streams: Streams = {
    get stdin() {
      return given.stdin
    },
    get stdout() {
      return watch(given.stdout)
    },
    get stderr() {
      return watch(given.stderr)
    },
    writeAtOnce: given.writeAtOnce,
  }
  const unwatch = () => {
    for (const stream of watched) stream.off('error', hear)
  }
  return { streams, unwatch }
}

interface Watched {
  readonly streams: Streams
  readonly unwatch: () => void
}
