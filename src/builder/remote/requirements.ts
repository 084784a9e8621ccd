import { isIP } from 'node:net'
import { locate, TareError } from '../../support/index.ts'
import {
  agentId,
  agentMissing,
  type Plan,
  type RunOperation,
  refuseInsecure,
  secretId,
  secretMissing,
} from '../plan/index.ts'
import type { RunSettings } from '../solve/index.ts'

/** Refuses before any work what a RUN of the plan needs and the build was not given, in the words of a build here. */
export async function refuseUnmet({ operations }: Plan, needed: ReadonlySet<number>, run: RunSettings): Promise<void> {
  for (const [id, operation] of operations.entries())
    if (operation.kind === 'run' && needed.has(id)) await refuseOne(operation, run)
}

async function refuseOne(operation: RunOperation, run: RunSettings): Promise<void> {
  try {
    refuseInsecure(operation, run.allowInsecure)
    for (const mount of operation.mounts) {
      if (!mount.required) continue
      if (mount.type === 'secret' && run.secret(secretId(mount)) === undefined) throw secretMissing(secretId(mount))
      if (mount.type === 'ssh' && (await run.agent(agentId(mount))) === undefined) throw agentMissing(agentId(mount))
    }
  } catch (error) {
    throw locate(error, operation.where)
  }
}

/** Returns the hosts for RUN on an engine, where `host-gateway` is an address that only the engine knows. */
export function hostsFor(
  hosts: readonly { readonly name: string; readonly address: string }[],
  gateway: string | undefined,
): RunSettings['hosts'] {
  return hosts.map(({ name, address }) => {
    if (address !== 'host-gateway') return [name, address]
    if (gateway !== undefined && isIP(gateway) !== 0) return [name, gateway]
    throw new TareError(
      'ENGINE_UNSUPPORTED',
      `the engine does not tell what host-gateway is, which --add-host ${name} asks for`,
      {
        remedy: 'Give the address itself.',
      },
    )
  })
}
