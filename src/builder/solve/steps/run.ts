import { appendFileSync, mkdirSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Snapshot } from '../../../content/layers/index.ts'
import { sameContent } from '../../../files/layer/index.ts'
import { compareTrees } from '../../../files/tree/index.ts'
import { encodeName, type Step, TareError } from '../../../support/index.ts'
import { type RunOperation, refuseInsecure } from '../../plan/index.ts'
import type { Command, Outcome, OutputStream, SandboxMount } from '../../sandbox/index.ts'
import { explainExecuted } from '../explain/explain.ts'
import { runRecipe } from '../explain/run-recipe.ts'
import { isFormKnown, keepStep, keyOf, mayRecallKey, type RecalledStep, recallStep, reuse } from '../remember.ts'
import type { Tools } from '../tools.ts'
import { makeLayer } from './make-layer.ts'
import { Mask } from './mask.ts'
import { LimitedOutput } from './output-limit.ts'
import {
  fetchForKey,
  type KeyOptions,
  keyOfMount,
  looksInto,
  readsContext,
  sandboxMount,
  unpackContexts,
} from './run-mounts.ts'
import { type MountSources, stackOf } from './run-sources.ts'

/** Executes RUN: a command in a filesystem. Its changes are the new layer. */
export async function runStep(
  operation: RunOperation,
  onto: Snapshot,
  sources: MountSources,
  tools: Tools,
  step: Step,
): Promise<Snapshot> {
  const { mounts } = operation
  const keyWith = (options?: KeyOptions) => keyOfRun(operation, onto, sources, tools, options)
  const recall = (key: string) => (mayRecallKey(tools, operation, key) ? recallStep(tools, key, key) : undefined)
  const recipe = () => runRecipe(operation, onto, sources, tools)
  // What is mounted from a stage that is still elsewhere need not be fetched to find the step.
  const byOrigin = mounts.some((mount) => looksInto(mount, sources)) ? keyWith({ byOrigin: true }) : undefined
  let known: RecalledStep | undefined = byOrigin === undefined ? undefined : recall(byOrigin)
  if (known !== undefined) return reuse(known, onto, { operation, tools, step, recipe })
  await fetchForKey(operation, sources)
  const form = mounts.some((mount) => readsContext(mount, sources))
    ? keyWith({ byOrigin: true, withContents: false })
    : undefined
  if (form !== undefined && !mayFind(tools, operation, form)) await unpackContexts(operation, sources, tools)
  const key = keyWith()
  known = recall(key)
  if (known !== undefined) return reuse(known, onto, { operation, tools, step, recipe })
  refuseInsecure(operation, tools.run.allowInsecure)
  for (const { fetch } of [onto, ...[...sources.values()].flatMap(({ snapshot }) => snapshot ?? [])]) await fetch?.()
  const caches = mounts.filter(({ type }) => type === 'cache').map(({ id, target = '' }) => id ?? target)
  if (caches.length > 0) await tools.bringMounts?.(caches)
  const command = await commandOf(operation, sources, tools)
  const outcome = await execute(operation, command, onto, tools, step)
  let chain: string | undefined
  try {
    // Meanwhile, the layer is made.
    if (outcome.exitCode === 0 && tools.unsettled?.isLast === true) void outcome.wereFilesAsRead()
    if (outcome.exitCode !== 0) throw await failed(outcome, operation, onto, { tools, step, command })
    const differences = compareTrees(onto.tree().root, (await outcome.after()).root, sameContent)
    const layer = await makeLayer({ differences, digests: () => false }, tools, step)
    const record = { keys: byOrigin === undefined ? [key] : [key, byOrigin], form: form ?? key, layer }
    const made = recipe()
    const settle = async () => {
      if (await outcome.wereFilesAsRead()) keepStep(tools, operation, record, made)
      else step.output('stderr', changedMeanwhile)
    }
    await explainExecuted(tools, { operation, step, recipe: made, keys: record.keys, layer })
    if (form === undefined || tools.unsettled === undefined) await settle()
    else tools.unsettled.add(settle)
    const snapshot = tools.snapshots.stack(onto, layer)
    if (differences.some(({ kind }) => kind !== 'touch')) chain = snapshot.id
    return snapshot
  } finally {
    await outcome.release(chain)
  }
}

const changedMeanwhile =
  'Files of the context changed while they were mounted: the result is used for this build only, and not cached.\n'

/** Whether the result of a step of this form may be known, so that it pays to read all files for the key first. */
function mayFind(tools: Tools, operation: RunOperation, form: string): boolean {
  if (!mayRecallKey(tools, operation, form)) return false
  return tools.explain !== undefined || tools.shared?.knows(form) === true || isFormKnown(tools, form)
}

function keyOfRun(
  operation: RunOperation,
  onto: Snapshot,
  sources: MountSources,
  tools: Tools,
  options?: KeyOptions,
): string {
  const { argv, env, cwd, user, network, security, scripts, mounts } = operation
  return keyOf(
    'run',
    onto.id,
    argv,
    env,
    cwd,
    user,
    network,
    security,
    scripts,
    mounts.map((mount) => keyOfMount(mount, sources, tools.run, options)),
    // Addresses of hosts change; the names matter.
    tools.run.hosts.map(([name]) => name),
    tools.run.hostname ?? '',
    tools.latest ?? '',
  )
}

async function commandOf(operation: RunOperation, sources: MountSources, tools: Tools): Promise<Command> {
  const { run } = tools
  const env: string[] = [...operation.env]
  const secretEnv: string[] = []
  const mounts: SandboxMount[] = []
  for (const [i, mount] of operation.mounts.entries()) {
    const made = await sandboxMount(mount, { operation, i, sources, tools })
    env.push(...made.env)
    secretEnv.push(...(made.secretEnv ?? []))
    mounts.push(...made.mounts)
  }
  return {
    argv: operation.argv,
    env: [...env, ...run.proxies.filter((line) => !has(env, line))].filter((line) => !has(secretEnv, line)),
    secretEnv: secretEnv.filter((line, i) => !has(secretEnv.slice(i + 1), line)),
    cwd: operation.cwd,
    user: operation.user,
    network: operation.network === 'none' ? 'none' : 'default',
    insecure: operation.security === 'insecure',
    mounts,
    scripts: operation.scripts.map(({ name, text }) => ({ name, bytes: encodeName(text) })),
    hosts: run.hosts,
    hostname: run.hostname,
    shmSize: run.shmSize,
    limits: run.limits,
  }
}

/** Runs the command. Its output is reported and logged within the limits, with secrets masked. */
async function execute(
  operation: RunOperation,
  command: Command,
  onto: Snapshot,
  tools: Tools,
  step: Step,
): Promise<Outcome> {
  const log = tools.run.logFile(operation)
  mkdirSync(dirname(log), { recursive: true })
  const masks = { stdout: new Mask(tools.run.hidden), stderr: new Mask(tools.run.hidden) }
  const { outputLimits } = tools.run
  const limited = { stdout: new LimitedOutput(outputLimits), stderr: new LimitedOutput(outputLimits) }
  let unkept: unknown
  const tell = (stream: OutputStream, text: string) => {
    if (text === '') return
    try {
      if (unkept === undefined) appendFileSync(log, text)
    } catch (error) {
      // A command that fills the disk reports it itself, and more precisely.
      unkept = error
    }
    step.output(stream, text)
  }
  try {
    const sandbox = await tools.sandbox().open()
    const outcome = await sandbox.run(stackOf(onto, tools), command, {
      signal: tools.signal,
      output: (stream, text) => tell(stream, limited[stream].take(masks[stream].take(text))),
    })
    if (unkept === undefined || outcome.exitCode !== 0) return outcome
    await outcome.release()
    throw unkept
  } finally {
    for (const stream of ['stdout', 'stderr'] as const)
      tell(stream, limited[stream].take(masks[stream].end()) + limited[stream].end())
  }
}

/** Returns the error of a failed command, after giving the user a chance to inspect what it left. */
async function failed(
  outcome: Outcome,
  operation: RunOperation,
  onto: Snapshot,
  { tools, step, command }: { readonly tools: Tools; readonly step: Step; readonly command: Command },
): Promise<TareError> {
  const error = failure(operation, outcome, isFull(dirname(tools.run.logFile(operation))))
  await tools.run.failed?.(operation, error.message, async () => {
    const after = await outcome.after()
    const differences = compareTrees(onto.tree().root, after.root, sameContent)
    const layer = await makeLayer({ differences, digests: () => false }, tools, step)
    const program = ['/bin/bash', '/bin/sh'].find((path) => after.find(path)?.kind === 'file')
    if (program === undefined)
      throw new TareError('COMMAND_MISSING', 'the filesystem of the failed step has no shell', { cause: error })
    const snapshot = tools.snapshots.stack(onto, layer)
    // The shell continues in what already exists.
    await outcome.release(snapshot.id)
    const sandbox = await tools.sandbox().open()
    const shell = await sandbox.run(
      stackOf(snapshot, tools),
      { ...command, argv: [program], env: [...command.env, 'TERM=xterm'] },
      { signal: tools.signal, output: () => {}, inherit: { stdin: true, terminal: true } },
    )
    await shell.release()
    return shell.exitCode
  })
  return error
}

function failure({ argv }: RunOperation, { exitCode: code, hint }: Outcome, full: boolean): TareError {
  return new TareError(
    'RUN_FAILED',
    `process ${JSON.stringify(argv.join(' '))} did not complete successfully: exit code: ${code}`,
    {
      remedy: full
        ? 'The disk is full. Free some space, or set TARE_HOME to a folder on another disk.'
        : (hint ?? remedyOf(code)),
    },
  )
}

/** Whether the disk that the step wrote to is full. */
function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize < 1 << 16
  } catch {
    return false
  }
}

function remedyOf(code: number): string | undefined {
  if (code === 137) return 'It was killed, possibly because the machine ran out of memory.'
  if (code === 127) return 'A command was not found: install it in an earlier RUN, or use its full path.'
  if (code === 126) return 'A command could not be executed: is it a program for this architecture, and executable?'
  return undefined
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}

/** Whether the variable is in the list. */
function has(lines: readonly string[], line: string): boolean {
  return lines.some((other) => nameOf(other) === nameOf(line))
}
