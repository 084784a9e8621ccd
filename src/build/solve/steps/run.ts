import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { sameContent } from '../../../files/layer/index.ts'
import { compareTrees } from '../../../files/tree/index.ts'
import { type Step, TareError } from '../../../support/index.ts'
import type { RunOperation } from '../../plan/index.ts'
import type { Command, Outcome } from '../../sandbox/index.ts'
import { keyOf, recallLayer, rememberLayer } from '../remember.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Tools } from '../tools.ts'
import { makeLayer } from './make-layer.ts'
import { keyOfMount, sandboxMount } from './run-mounts.ts'
import { type MountSources, stackOf } from './run-sources.ts'

/** RUN: a command over a filesystem. What it changed is the new layer. */
export async function runStep(
  operation: RunOperation,
  onto: Snapshot,
  sources: MountSources,
  tools: Tools,
  step: Step,
): Promise<Snapshot> {
  const { argv, env, cwd, user, network, security, scripts, mounts } = operation
  const { hosts } = tools.run
  const key = keyOf(
    'run',
    onto.id,
    argv,
    env,
    cwd,
    user,
    network,
    security,
    scripts,
    mounts.map((mount) => keyOfMount(mount, sources)),
    // Addresses of hosts change; that there is one does not.
    hosts.map(([name]) => name),
    tools.latest ?? '',
  )
  const known = tools.mayRecall(operation) ? recallLayer(tools, key) : undefined
  if (known !== undefined) {
    step.cached()
    return tools.snapshots.stack(onto, known)
  }
  if (security === 'insecure' && !tools.run.allowInsecure)
    throw new TareError('RUN_INSECURE', 'security.insecure is not allowed', {
      remedy: 'Allow it for this build with --allow security.insecure, if you trust the Dockerfile.',
    })
  const outcome = await execute(operation, onto, sources, tools, step)
  let chain: string | undefined
  try {
    if (outcome.exitCode !== 0) throw failure(operation, outcome.exitCode)
    const differences = compareTrees(onto.tree().root, (await outcome.after()).root, sameContent)
    const layer = await makeLayer({ differences, digests: () => false }, tools, step)
    rememberLayer(tools, key, key, layer)
    const snapshot = tools.snapshots.stack(onto, layer)
    if (differences.some(({ kind }) => kind !== 'settle')) chain = snapshot.id
    return snapshot
  } finally {
    await outcome.release(chain)
  }
}

async function execute(
  operation: RunOperation,
  onto: Snapshot,
  sources: MountSources,
  tools: Tools,
  step: Step,
): Promise<Outcome> {
  const { run } = tools
  const env: string[] = [...operation.env]
  const mounts = operation.mounts.flatMap((mount, i) => {
    const made = sandboxMount(mount, { operation, i, sources, tools })
    env.push(...made.env)
    return made.mounts
  })
  const command: Command = {
    argv: operation.argv,
    env: [...env, ...run.proxies.filter((line) => !env.some((other) => nameOf(other) === nameOf(line)))],
    cwd: operation.cwd,
    user: operation.user,
    network: operation.network === 'none' ? 'none' : 'default',
    insecure: operation.security === 'insecure',
    mounts,
    scripts: operation.scripts,
    hosts: run.hosts,
    shmSize: run.shmSize,
    limits: run.limits,
  }
  const log = run.logFile(operation)
  mkdirSync(dirname(log), { recursive: true })
  return tools.sandbox().run(stackOf(onto, tools), command, {
    signal: tools.signal,
    output: (stream, text) => {
      appendFileSync(log, text)
      step.output(stream, text)
    },
  })
}

function failure({ argv }: RunOperation, code: number): TareError {
  return new TareError(
    'RUN_FAILED',
    `process ${JSON.stringify(argv.join(' '))} did not complete successfully: exit code: ${code}`,
    { remedy: remedyOf(code) },
  )
}

function remedyOf(code: number): string | undefined {
  if (code === 137) return 'It was killed: the machine may have run out of memory.'
  if (code === 127) return 'A command was not found: install it in an earlier RUN, or name it by its path.'
  if (code === 126) return 'A command could not be executed: is it a program for this architecture, and executable?'
  return undefined
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}
