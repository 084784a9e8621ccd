import type { Snapshot } from '../../../content/layers/index.ts'
import type { PlannedMount, RunOperation } from '../../plan/index.ts'
import { keyOfMount } from '../steps/run-mounts.ts'
import type { MountSources } from '../steps/run-sources.ts'
import type { Tools } from '../tools.ts'
import { digestOfText, type Recipe, recipeOf } from './recipe.ts'

/** Returns what a RUN is made of. Of secrets only whether they are the same, if that matters at all. */
export function runRecipe(operation: RunOperation, onto: Snapshot, sources: MountSources, tools: Tools): Recipe {
  const { argv, env, cwd, user, network, security, scripts, mounts } = operation
  const inputs: Record<string, string | undefined> = {
    command: shown(argv),
    user,
    'working directory': cwd,
    network,
    security,
    '--rewrite-timestamp': tools.latest?.toString(),
  }
  for (const line of env) inputs[`variable ${line.slice(0, line.indexOf('='))}`] = line.slice(line.indexOf('=') + 1)
  for (const { name, text } of scripts) inputs[`script ${name}`] = digestOfText(text)
  for (const mount of mounts)
    inputs[labelOf(mount)] = digestOfText(JSON.stringify(keyOfMount(mount, sources, tools.run)))
  for (const [name] of tools.run.hosts) inputs[`host ${name}`] = 'given'
  return recipeOf(operation, onto, tools, inputs)
}

/** The command as it is written, without the shell. */
function shown(argv: readonly string[]): string {
  return argv.length === 3 && argv[1] === '-c' ? argv[2]! : JSON.stringify(argv)
}

function labelOf({ type, target = '', id, source }: PlannedMount): string {
  return type === 'secret' || type === 'ssh' ? `${type} ${id ?? source ?? (target || 'default')}` : `mount ${target}`
}
