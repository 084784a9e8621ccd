import { TareError } from '../../support/index.ts'
import { absolutePath } from './stage-state.ts'
import type { PlannedMount, RunOperation } from './types.ts'

// What RUN asks of whoever executes it, here or on an engine.

/** Returns the target of a mount that must have one. Throws `MOUNT_TARGET_INVALID`. */
export function targetOf({ target, type }: PlannedMount): string {
  const isRoot = target?.startsWith('/') && absolutePath('/', target) === '/'
  if (target !== undefined && !isRoot) return target
  throw new TareError(
    'MOUNT_TARGET_INVALID',
    target === undefined ? `a mount of type ${type} needs a target` : 'invalid mount target "/"',
  )
}

export function secretId({ id, source, target }: PlannedMount): string {
  return id ?? source ?? target?.split('/').findLast((part) => part !== '') ?? ''
}

export function agentId({ id = 'default' }: PlannedMount): string {
  return id
}

export function secretMissing(id: string): TareError {
  return new TareError('SECRET_MISSING', `secret ${id}: not found`, {
    remedy: `Pass it to the build: --secret id=${id},src=FILE, or --secret id=${id},env=VARIABLE.`,
  })
}

export function agentMissing(id: string): TareError {
  return new TareError('SSH_MISSING', `no SSH key "${id}" forwarded from the client`, {
    remedy: `Pass your agent to the build, --ssh ${id === 'default' ? 'default' : `${id}=$SSH_AUTH_SOCK`}, or a key: --ssh ${id}=FILE.`,
  })
}

/** Throws `RUN_INSECURE` for a RUN that needs more than the build allows. */
export function refuseInsecure({ security }: RunOperation, isAllowed: boolean): void {
  if (security !== 'insecure' || isAllowed) return
  throw new TareError('RUN_INSECURE', 'security.insecure is not allowed', {
    remedy: 'If you trust the Dockerfile, use --allow security.insecure.',
  })
}
