import type { BuildOptions, DockerfileOutline, DockerfileTargets, OutlineMount } from '../../api/index.ts'
import { BuildRun } from '../../builder/index.ts'
import type { OutlinedMount } from '../../builder/plan/index.ts'
import type { Host } from '../../images/index.ts'

/** Plans a build without running it, and returns what can be given to it. */
export function outline(host: Host, options: BuildOptions): Promise<DockerfileOutline> {
  return withRun(host, options, async (building) => {
    const [plan] = await building.plan({ outline: true })
    const { name, description, args, secrets, ssh } = plan!.outline!
    return {
      ...optional({ name, description }),
      args: args.map(({ name, description, value, lines: { line, endLine } }) => ({
        ...{ name, ...optional({ description }), value, line, endLine },
      })),
      secrets: secrets.map(mountOf),
      ssh: ssh.map(mountOf),
      source: plan!.outline!.source,
    }
  })
}

/** Returns the stages of a Dockerfile. No base is looked for. */
export function targets(host: Host, options: BuildOptions): Promise<DockerfileTargets> {
  return withRun(host, options, async (building) => {
    const { stages, text } = await building.read()
    return {
      targets: stages.map(({ index, name, description, from: { base, platform, where } }) => ({
        ...optional({ name, description, platform }),
        ...{ isDefault: index === stages.length - 1, base, line: where.line, endLine: where.endLine },
      })),
      source: text,
    }
  })
}

async function withRun<T>(host: Host, options: BuildOptions, work: (building: BuildRun) => Promise<T>): Promise<T> {
  const building = new BuildRun(host, options)
  try {
    return await work(building)
  } finally {
    await building.close()
  }
}

function mountOf({ id, required, lines: { line, endLine } }: OutlinedMount): OutlineMount {
  return { name: id, required, line, endLine }
}

/** Drops members that are undefined. */
function optional<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}
