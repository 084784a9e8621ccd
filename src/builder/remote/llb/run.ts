import { posix } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { llb } from '../../../buildkit/index.ts'
import { defaultPath } from '../../../oci/index.ts'
import {
  type OperationId,
  type PlannedMount,
  type RunOperation,
  type RunSurroundings,
  secretId,
  targetOf,
} from '../../plan/index.ts'
import { refuseMissing } from './capabilities.ts'
import type { Marshalling } from './copy.ts'
import { fileActions } from './file-actions.ts'
import { type Edge, Inputs } from './vertices.ts'

type Mount = MessageInitShape<typeof llb.MountSchema>
type SecretVariable = MessageInitShape<typeof llb.SecretEnvSchema>

/** Adds RUN. */
export function marshalRun(
  operation: RunOperation,
  onto: Edge,
  sources: ReadonlyMap<OperationId, Edge>,
  settings: RunSurroundings,
  marshalling: Marshalling,
  ignoreCache: boolean,
): Edge {
  const { vertices, capabilities, platform } = marshalling
  const { where, title, cwd, user, argv, env } = operation
  const need = (capability: string, what: string) => refuseMissing(capabilities, capability, what, where)
  if (settings.limits.length > 0) need('exec.meta.ulimit', '--ulimit')
  const inputs = new Inputs()
  const made = operation.mounts.map((mount, i) =>
    mountsOf(mount, i, { operation, sources, inputs, settings, marshalling }),
  )
  const rootMount: Mount = { input: inputs.of(onto), dest: '/', output: 0n }
  const variables = [...env, ...made.flatMap((one) => one.env)]
  const hasPath = variables.some((line) => line.startsWith('PATH='))
  const removesStubs = capabilities.llb.has('exec.meta.removemountstubs.recursive')
  return vertices.add(
    {
      inputs: inputs.edges,
      platform,
      op: {
        case: 'exec',
        value: {
          meta: {
            args: [...argv],
            env: hasPath ? variables : [`PATH=${defaultPath}`, ...variables],
            cwd,
            user,
            ...(removesStubs ? { removeMountStubsRecursive: true } : {}),
            ...(settings.proxies.length > 0 ? { proxyEnv: proxiesOf(settings.proxies) } : {}),
            ...(settings.hostname === undefined ? {} : { hostname: settings.hostname }),
            extraHosts: settings.hosts.map(([host, ip]) => ({ host, ip })),
            ulimit: settings.limits.map(([name, soft, hard]) => ({ name, soft: BigInt(soft), hard: BigInt(hard) })),
          },
          mounts: [
            rootMount,
            ...scriptsOf(operation, inputs, marshalling),
            ...shmOf(settings),
            ...made.flatMap(({ mounts }) => mounts),
          ],
          network: networkOf(operation),
          security: operation.security === 'insecure' ? llb.SecurityMode.INSECURE : llb.SecurityMode.SANDBOX,
          secretenv: made.flatMap(({ secretEnv }) => secretEnv),
        },
      },
    },
    title,
    { ignoreCache },
  )
}

function networkOf({ network }: RunOperation): llb.NetMode {
  if (network === 'none') return llb.NetMode.NONE
  return network === 'host' ? llb.NetMode.HOST : llb.NetMode.SANDBOX
}

function proxiesOf(lines: readonly string[]): MessageInitShape<typeof llb.ProxyEnvSchema> {
  const value = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  return {
    httpProxy: value('HTTP_PROXY'),
    httpsProxy: value('HTTPS_PROXY'),
    ftpProxy: value('FTP_PROXY'),
    noProxy: value('NO_PROXY'),
    allProxy: value('ALL_PROXY'),
  }
}

function shmOf({ shmSize }: RunSurroundings): Mount[] {
  if (shmSize === undefined) return []
  const tmpfsOpt = { size: BigInt(shmSize) }
  return [{ input: -1n, output: -1n, dest: '/dev/shm', mountType: llb.MountType.TMPFS, tmpfsOpt }]
}

/** The scripts of here-documents, as files in /dev/pipes. */
function scriptsOf({ scripts }: RunOperation, inputs: Inputs, { vertices, platform }: Marshalling): Mount[] {
  if (scripts.length === 0) return []
  const actions = fileActions(scripts, 0o755)
  const files = vertices.add(
    { platform, op: { case: 'file', value: { actions } } },
    '[internal] scripts of the Dockerfile',
  )
  return [{ input: inputs.of(files), dest: '/dev/pipes/', output: -1n, readonly: true }]
}

interface MountContext {
  readonly operation: RunOperation
  readonly sources: ReadonlyMap<OperationId, Edge>
  readonly inputs: Inputs
  readonly settings: RunSurroundings
  readonly marshalling: Marshalling
}

interface Made {
  readonly mounts: readonly Mount[]
  readonly env: readonly string[]
  readonly secretEnv: readonly SecretVariable[]
}

function mountsOf(mount: PlannedMount, i: number, context: MountContext): Made {
  const { operation, marshalling, inputs, sources } = context
  const absolute = (path: string) => posix.resolve('/', operation.cwd, path)
  const need = (capability: string, what: string) =>
    refuseMissing(marshalling.capabilities, capability, what, operation.where)
  const only = (...mounts: Mount[]): Made => ({ mounts, env: [], secretEnv: [] })
  const source = mount.operation === undefined ? undefined : sources.get(mount.operation)
  switch (mount.type) {
    case 'bind': {
      if (!mount.readonly) need('exec.mount.bind.readwrite-nooutput', 'a writable --mount=type=bind')
      const { readonly } = mount
      const input = inputs.of(source)
      return only({ input, selector: selectorOf(mount), dest: absolute(targetOf(mount)), output: -1n, readonly })
    }
    case 'tmpfs': {
      const dest = absolute(targetOf(mount))
      if (mount.size !== undefined) need('exec.mount.tmpfs.size', 'the size of a --mount=type=tmpfs')
      const tmpfsOpt = { size: BigInt(mount.size ?? 0) }
      return only({ input: -1n, output: -1n, dest, mountType: llb.MountType.TMPFS, tmpfsOpt })
    }
    case 'cache':
      return only(cacheOf(mount, absolute(targetOf(mount)), source, context))
    case 'secret':
      return secretOf(mount, absolute, need)
    case 'ssh': {
      const place = operation.mounts.slice(0, i).filter(({ type }) => type === 'ssh').length
      const dest = absolute(mount.target ?? `/run/buildkit/ssh_agent.${place}`)
      const isNamed = place > 0 || operation.env.some((line) => line.startsWith('SSH_AUTH_SOCK='))
      const { mode = 0o600, uid = 0, gid = 0, required, id = 'default' } = mount
      const sshOpt = { id, uid, gid, mode, optional: !required }
      const mounts = [{ input: -1n, output: -1n, dest, mountType: llb.MountType.SSH, sshOpt }]
      return { mounts, env: isNamed ? [] : [`SSH_AUTH_SOCK=${dest}`], secretEnv: [] }
    }
  }
}

function selectorOf({ source = '/' }: PlannedMount): string {
  const path = posix.resolve('/', source)
  return path === '/' ? '' : path
}

function cacheOf(
  mount: PlannedMount,
  dest: string,
  source: Edge,
  { inputs, settings, marshalling }: MountContext,
): Mount {
  const { id = posix.normalize(mount.target!), readonly, mode, uid, gid, sharing } = mount
  const sharings = {
    shared: llb.CacheSharingOpt.SHARED,
    private: llb.CacheSharingOpt.PRIVATE,
    locked: llb.CacheSharingOpt.LOCKED,
  }
  const common = {
    dest,
    output: -1n,
    readonly,
    mountType: llb.MountType.CACHE,
    cacheOpt: { id: `${settings.cacheNamespace}/${id}`, sharing: sharings[sharing] },
  }
  const isOwned = mode !== undefined || uid !== undefined || gid !== undefined
  if (source !== undefined || !isOwned) return { input: inputs.of(source), selector: selectorOf(mount), ...common }
  const { vertices, platform } = marshalling
  const owner = { user: byId(uid ?? 0), group: byId(gid ?? 0) }
  const directory = vertices.add(
    {
      platform,
      op: {
        case: 'file',
        value: {
          actions: [
            {
              input: -1n,
              secondaryInput: -1n,
              output: 0n,
              action: { case: 'mkdir', value: { path: '/cache', mode: mode ?? 0o755, owner, timestamp: -1n } },
            },
          ],
        },
      },
    },
    '[internal] settings of a cache mount',
  )
  return { input: inputs.of(directory), selector: '/cache', ...common }
}

function byId(value: number): MessageInitShape<typeof llb.UserOptSchema> {
  return { user: { case: 'byId', value } }
}

function secretOf(
  mount: PlannedMount,
  absolute: (path: string) => string,
  need: (capability: string, what: string) => void,
): Made {
  const { required, mode = 0o400, uid = 0, gid = 0, env, target } = mount
  const id = secretId(mount)
  const optional = !required
  if (env !== undefined) need('exec.secretenv', '--mount=type=secret,env=')
  const secretEnv = env === undefined ? [] : [{ id, name: env, optional }]
  if (env !== undefined && target === undefined) return { mounts: [], env: [], secretEnv }
  const dest = absolute(target ?? `/run/secrets/${posix.basename(id)}`)
  const secretOpt = { id, uid, gid, mode, optional }
  const mountType = llb.MountType.SECRET
  return { mounts: [{ input: -1n, output: -1n, dest, mountType, secretOpt }], env: [], secretEnv }
}
