import { parseMount, type Run, scriptOf } from '../../dockerfile/index.ts'
import { wellFormed } from '../../support/index.ts'
import { commandOf } from './metadata.ts'
import type { StageState } from './stage-state.ts'
import type { OperationId, PlannedMount, RunOperation } from './types.ts'
import type { WordExpander } from './word-expander.ts'

/** What RUN needs from the planner. */
export interface RunContext {
  readonly words: WordExpander
  /** Returns the operation for a mount's `from`; undefined means the build context. */
  from(name: string | undefined): Promise<OperationId>
  /** The network if the instruction does not set one. */
  readonly network: string
}

export type PlannedRun = Pick<
  RunOperation,
  'argv' | 'env' | 'cwd' | 'user' | 'mounts' | 'network' | 'security' | 'scripts'
> & { readonly createdBy: string }

export async function planRun(state: StageState, instruction: Run, context: RunContext): Promise<PlannedRun> {
  const { argv, scripts } = commandLine(state, instruction)
  const mounts: PlannedMount[] = []
  for (const value of instruction.mounts) mounts.push(await mountOf(state, value, instruction, context))
  return {
    argv,
    scripts,
    env: [...state.variables].map(([key, value]) => `${key}=${value}`),
    cwd: state.config.WorkingDir || '/',
    user: state.config.User ?? '',
    mounts,
    network: instruction.network ?? context.network,
    security: instruction.security ?? 'sandbox',
    createdBy: `RUN ${[...argumentsTold(state), ...argv].join(' ')} # buildkit`,
  }
}

function commandLine(state: StageState, instruction: Run): Pick<RunOperation, 'argv' | 'scripts'> {
  if (instruction.command.form === 'exec') return { argv: instruction.command.words, scripts: [] }
  const script = scriptOf(instruction)
  // Docker replaces invalid UTF-8 with U+FFFD, except in a script's file.
  const shell = (text: string) => commandOf(state, { form: 'shell', words: [wellFormed(text)] })
  if (script.kind === 'text') return { argv: shell(script.text), scripts: [] }
  return { argv: shell(`/dev/pipes/${script.name}`), scripts: [{ name: script.name, text: script.body }] }
}

/** Returns `|2 A=x B=y`: the ARGs in scope, each once, with their values in RUN. */
function argumentsTold(state: StageState): string[] {
  const told = [...state.declared].map((key) => `${key}=${state.variables.get(key) ?? ''}`)
  return told.length === 0 ? [] : [`|${told.length}`, ...told]
}

async function mountOf(state: StageState, value: string, instruction: Run, context: RunContext): Promise<PlannedMount> {
  const mount = context.words.located(instruction, () =>
    parseMount(value, (word) => context.words.expand(word, state.variables, instruction, state.declared)),
  )
  if (mount.type !== 'bind' && mount.from === undefined) return mount
  return { ...mount, operation: await context.from(mount.from) }
}
