import type { ContainerConfig } from '../../oci/index.ts'
import type { PlannedHistory } from './types.ts'

/**
 * What the instructions of a stage add to the history and to members of the config that only grow. It refers to what the stage
 * before it added: in a chain of stages, copies would take quadratic time.
 */
export interface Additions {
  readonly before: Additions | undefined
  readonly history: PlannedHistory[]
  readonly Env: Map<string, string>
  readonly Labels: Map<string, string>
  readonly ExposedPorts: Map<string, object>
  readonly Volumes: Map<string, object>
}

export function additionsAfter(before: Additions | undefined): Additions {
  return { before, history: [], Env: new Map(), Labels: new Map(), ExposedPorts: new Map(), Volumes: new Map() }
}

/** Returns the config with what a stage, and those before it, added. */
export function withAdditions(config: ContainerConfig, last: Additions): ContainerConfig {
  const all = inOrder(last)
  const whole = <T>(member: 'Labels' | 'ExposedPorts' | 'Volumes', pairs: (some: Additions) => Map<string, T>) => {
    const added = all.flatMap((some) => [...pairs(some)])
    return added.length === 0 ? {} : { [member]: { ...config[member], ...Object.fromEntries(added) } }
  }
  return {
    ...config,
    ...withEnv(
      config,
      all.flatMap(({ Env }) => [...Env]),
    ),
    ...whole('Labels', ({ Labels }) => Labels),
    ...whole('ExposedPorts', ({ ExposedPorts }) => ExposedPorts),
    ...whole('Volumes', ({ Volumes }) => Volumes),
  }
}

/** Returns the history of a stage after that of its base image. */
export function historyOf(last: Additions): readonly PlannedHistory[] {
  return inOrder(last).flatMap(({ history }) => history)
}

function inOrder(last: Additions): readonly Additions[] {
  const all: Additions[] = []
  for (let some: Additions | undefined = last; some !== undefined; some = some.before) all.push(some)
  return all.reverse()
}

/** A variable is set where it is if it exists, otherwise at the end. */
function withEnv(
  { Env }: ContainerConfig,
  added: readonly (readonly [string, string])[],
): Pick<ContainerConfig, 'Env'> {
  if (added.length === 0) return {}
  const env = [...(Env ?? [])]
  const places = new Map<string, number>()
  for (const [place, line] of env.entries()) {
    const key = line.split('=', 1)[0]!
    if (!places.has(key)) places.set(key, place)
  }
  for (const [key, value] of added) {
    const place = places.get(key) ?? env.length
    places.set(key, place)
    env[place] = `${key}=${value}`
  }
  return { Env: env }
}
