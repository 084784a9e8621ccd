import type { ContainerConfig } from '../../oci/index.ts'

/**
 * What the instructions of a stage add to members of the config that only grow. It refers to what the stage before it added: in a
 * chain of stages, copies would take quadratic time.
 */
export interface Additions {
  readonly before: Additions | undefined
  readonly Labels: Map<string, string>
  readonly ExposedPorts: Map<string, object>
  readonly Volumes: Map<string, object>
}

export function additionsAfter(before: Additions | undefined): Additions {
  return { before, Labels: new Map(), ExposedPorts: new Map(), Volumes: new Map() }
}

/** Returns the config with what a stage, and those before it, added. */
export function withAdditions(config: ContainerConfig, last: Additions): ContainerConfig {
  const all: Additions[] = []
  for (let some: Additions | undefined = last; some !== undefined; some = some.before) all.push(some)
  all.reverse()
  const whole = <T>(member: 'Labels' | 'ExposedPorts' | 'Volumes', pairs: (some: Additions) => Map<string, T>) => {
    const added = all.flatMap((some) => [...pairs(some)])
    return added.length === 0 ? {} : { [member]: { ...config[member], ...Object.fromEntries(added) } }
  }
  return {
    ...config,
    ...whole('Labels', ({ Labels }) => Labels),
    ...whole('ExposedPorts', ({ ExposedPorts }) => ExposedPorts),
    ...whole('Volumes', ({ Volumes }) => Volumes),
  }
}
