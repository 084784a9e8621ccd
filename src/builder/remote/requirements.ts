import { isIP } from 'node:net'
import { locate, TareError } from '../../support/index.ts'
import type { Plan, RunOperation } from '../plan/index.ts'
import type { RunSettings } from '../solve/index.ts'

/** Refuses before any work what a RUN of the plan needs and the build was not given, in the words of a build here. */
export async function refuseUnmet({ operations }: Plan, needed: ReadonlySet<number>, run: RunSettings): Promise<void> {
  for (const [id, operation] of operations.entries())
    if (operation.kind === 'run' && needed.has(id)) await refuseOne(operation, run)
}

async function refuseOne(operation: RunOperation, run: RunSettings): Promise<void> {
  try {
    if (operation.security === 'insecure' && !run.allowInsecure)
      throw new TareError('RUN_INSECURE', 'security.insecure is not allowed', {
        remedy: 'If you trust the Dockerfile, use --allow security.insecure.',
      })
    for (const mount of operation.mounts) {
      const id =
        mount.id ?? (mount.type === 'ssh' ? 'default' : (mount.source ?? mount.target?.split('/').at(-1) ?? ''))
      if (mount.type === 'secret' && mount.required && run.secret(id) === undefined)
        throw new TareError('SECRET_MISSING', `secret ${id}: not found`, {
          remedy: `Pass it to the build: --secret id=${id},src=FILE, or --secret id=${id},env=VARIABLE.`,
        })
      if (mount.type === 'ssh' && mount.required && (await run.agent(id)) === undefined)
        throw new TareError('SSH_MISSING', `no SSH key "${id}" forwarded from the client`, {
          remedy: `Pass your agent to the build, --ssh ${id === 'default' ? 'default' : `${id}=$SSH_AUTH_SOCK`}, or a key: --ssh ${id}=FILE.`,
        })
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
