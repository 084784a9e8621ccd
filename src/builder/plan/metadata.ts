import {
  type ArgPair,
  findings,
  formatGoDuration,
  type HealthcheckInstruction,
  type Instruction,
  looksSecret,
  parseExpose,
  parseStopSignal,
  quote,
  writtenName,
} from '../../dockerfile/index.ts'
import type { Healthcheck } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { GlobalArguments } from './arguments.ts'
import type { StageState } from './stage-state.ts'
import type { WordExpander } from './word-expander.ts'

export type MetadataInstruction = Exclude<Instruction, { kind: 'COPY' | 'ADD' | 'RUN' | 'WORKDIR' }>

/** What metadata instructions need besides the stage. */
export interface MetadataContext {
  readonly words: WordExpander
  readonly globals: GlobalArguments
  readonly buildArgs: ReadonlyMap<string, string>
  /** Is told of each ARG; without a value, that has its value from a global one. */
  readonly declared?: ((arg: ArgPair, value: string | undefined) => void) | undefined
}

/** Applies an instruction without a layer to the stage's config and history. */
export function applyMetadata(state: StageState, instruction: MetadataInstruction, context: MetadataContext): void {
  const { words } = context
  const { config, additions } = state
  const expand = (word: string) => words.expand(word, state.variables, instruction, state.declared)
  const note = (createdBy: string) => additions.history.push({ createdBy })
  switch (instruction.kind) {
    case 'ARG':
      applyArg(state, instruction, context)
      return
    case 'ENV': {
      // All are expanded before any is set.
      const pairs = instruction.pairs.map(({ key, value }) => [expand(key), expand(value)] as const)
      for (const [key, value] of pairs) {
        if (looksSecret(key)) words.warn(findings.secretsUsedInArgOrEnv('ENV', key), instruction)
        additions.Env.set(key, value)
        state.variables.delete(key)
        state.variables.set(key, value)
      }
      note(`ENV ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`)
      return
    }
    case 'LABEL': {
      const pairs = instruction.pairs.map(({ key, value }) => [expand(key), expand(value)] as const)
      for (const [key, value] of pairs) additions.Labels.set(key, value)
      note(`LABEL ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`)
      return
    }
    case 'EXPOSE': {
      // Sorted as written, before expansion; each is listed as often as it was given.
      const ports: string[] = []
      for (const word of instruction.ports) {
        for (const port of words.expandWords(word, state.variables, instruction)) {
          for (const one of exposed(port, instruction, words)) ports.push(one)
          if (ports.length > mostPorts) throw tooManyPorts(instruction)
        }
      }
      for (const port of ports) additions.ExposedPorts.set(port, {})
      note(`EXPOSE [${ports.join(' ')}]`)
      return
    }
    case 'VOLUME': {
      const paths = instruction.paths.map(expand)
      if (paths.includes(''))
        throw new TareError('VOLUME_EMPTY', 'VOLUME specified can not be an empty string', { where: instruction.where })
      for (const path of paths) additions.Volumes.set(path, {})
      note(`VOLUME [${paths.join(' ')}]`)
      return
    }
    case 'USER':
      config.User = expand(instruction.user)
      note(`USER ${config.User}`)
      return
    case 'STOPSIGNAL': {
      const signal = expand(instruction.signal)
      words.located(instruction, () => parseStopSignal(signal))
      config.StopSignal = signal
      note(`STOPSIGNAL ${signal}`)
      return
    }
    case 'SHELL':
      config.Shell = instruction.shell
      note(`SHELL [${instruction.shell.join(' ')}]`)
      return
    case 'CMD': {
      checkCommand(state, instruction, words)
      const command = commandOf(state, instruction.command)
      config.Cmd = command
      config.ArgsEscaped = true
      state.commandSet = true
      note(`CMD ${quoted(command)}`)
      return
    }
    case 'ENTRYPOINT': {
      checkCommand(state, instruction, words)
      const command = commandOf(state, instruction.command)
      config.Entrypoint = command
      if (!state.commandSet) delete config.Cmd
      note(`ENTRYPOINT ${quoted(command)}`)
      return
    }
    case 'HEALTHCHECK': {
      checkSingle(state, instruction, words)
      config.Healthcheck = healthcheckOf(instruction)
      note(`HEALTHCHECK ${healthcheckText(config.Healthcheck)}`)
      return
    }
    case 'ONBUILD':
      config.OnBuild ??= []
      config.OnBuild.push(instruction.trigger)
      return
    case 'MAINTAINER':
      state.author = instruction.author
      note(`MAINTAINER ${instruction.author}`)
  }
}

/** Returns a command's arguments; in shell form, the shell followed by the command line. */
export function commandOf(
  state: StageState,
  command: { readonly form: 'exec' | 'shell'; readonly words: readonly string[] },
): readonly string[] {
  return command.form === 'exec' ? command.words : [...(state.config.Shell ?? ['/bin/sh', '-c']), ...command.words]
}

function applyArg(
  state: StageState,
  instruction: Extract<MetadataInstruction, { kind: 'ARG' }>,
  { words, globals, buildArgs, declared }: MetadataContext,
): void {
  const said = instruction.args.map((arg) => {
    const { key, value } = arg
    if (looksSecret(key)) words.warn(findings.secretsUsedInArgOrEnv('ARG', key), instruction)
    const given =
      buildArgs.get(key) ??
      (value === undefined
        ? globals.values.get(key)
        : words.expand(value, state.variables, instruction, state.declared))
    state.declared.add(key)
    const isGlobal = value === undefined && !buildArgs.has(key) && globals.values.has(key)
    declared?.(arg, isGlobal ? undefined : (given ?? ''))
    if (given === undefined) return key
    state.variables.delete(key)
    state.variables.set(key, given)
    return `${key}=${given}`
  })
  state.additions.history.push({ createdBy: `ARG ${said.join(' ')}` })
}

function checkCommand(
  state: StageState,
  instruction: Extract<MetadataInstruction, { kind: 'CMD' | 'ENTRYPOINT' }>,
  words: WordExpander,
): void {
  checkSingle(state, instruction, words)
  if (instruction.command.form === 'shell' && (state.config.Shell ?? []).length === 0)
    words.warn(findings.jsonArgsRecommended(writtenName(instruction)), instruction)
}

/** Warns that the previous instruction no longer has any effect. */
function checkSingle(
  { single }: StageState,
  instruction: Extract<MetadataInstruction, { kind: 'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK' }>,
  words: WordExpander,
): void {
  const before = single.get(instruction.kind)
  single.set(instruction.kind, instruction)
  if (before !== undefined)
    words.warn(findings.multipleInstructionsDisallowed(writtenName(instruction)), before, instruction)
}

// Twice the number that exist.
const mostPorts = 2 * 3 * 65_536

function tooManyPorts({ where }: MetadataInstruction): TareError {
  return new TareError('DOCKERFILE_EXPOSE', `more than ${mostPorts} ports are exposed at once`, { where })
}

function exposed(port: string, instruction: MetadataInstruction, words: WordExpander): readonly string[] {
  const { ports, findings: found } = words.located(instruction, () => parseExpose(port))
  for (const finding of found) words.warn(finding, instruction)
  return ports
}

function quoted(words: readonly string[]): string {
  return `[${words.map(quote).join(' ')}]`
}

function healthcheckOf({
  test,
  interval,
  timeout,
  startPeriod,
  startInterval,
  retries,
}: HealthcheckInstruction): Healthcheck {
  const positive = (name: string, value: number | undefined) =>
    value === undefined || value === 0 ? {} : { [name]: value }
  return {
    Test: test,
    ...positive('Interval', interval),
    ...positive('Timeout', timeout),
    ...positive('StartPeriod', startPeriod),
    ...positive('StartInterval', startInterval),
    ...positive('Retries', retries),
  }
}

function healthcheckText(check: Healthcheck): string {
  const duration = (value: number | undefined) => formatGoDuration(value ?? 0)
  const times = `Interval:${duration(check.Interval)} Timeout:${duration(check.Timeout)} StartPeriod:${duration(check.StartPeriod)} StartInterval:${duration(check.StartInterval)}`
  return `{Test:[${(check.Test ?? []).join(' ')}] ${times} Retries:${check.Retries ?? 0}}`
}
