import { posix } from 'node:path'
import type { Node } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import {
  agentId,
  agentMissing,
  type Operation,
  type PlannedMount,
  type RunOperation,
  secretId,
  secretMissing,
  targetOf,
} from '../../plan/index.ts'
import { mayHide, type SandboxMount } from '../../sandbox/index.ts'
import { digestNode, digestWithTimes } from '../copy/listing.ts'
import { explainMissing } from '../copy/missing.ts'
import type { RunSettings, Tools } from '../tools.ts'
import { type MountSource, type MountSources, stackOf } from './run-sources.ts'

export interface MountContext {
  readonly operation: RunOperation
  /** Index among the instruction's mounts. */
  readonly i: number
  readonly sources: MountSources
  readonly tools: Tools
}

/** Fetches what must be inspected for the key; a complete filesystem is identified by its name. */
export async function fetchForKey({ mounts }: RunOperation, sources: MountSources): Promise<void> {
  for (const mount of mounts)
    if (mount.type === 'bind' && !isRoot(mount.source ?? '/')) await sourceOf(mount, sources).snapshot?.fetch?.()
}

/** Whether a mount takes part of an image or a stage, so that its contents have to be read for the key. */
export function looksInto(mount: PlannedMount, sources: MountSources): boolean {
  return mount.type === 'bind' && !isRoot(mount.source ?? '/') && sourceOf(mount, sources).snapshot !== undefined
}

function isRoot(path: string): boolean {
  return posix.resolve('/', path) === '/'
}

export interface KeyOptions {
  readonly byOrigin?: boolean
  readonly withContents?: boolean
}

/**
 * Returns a mount's part of its step's key: the contents of what is read, or with `byOrigin` the filesystem it is part of;
 * without contents, of a context only which part it is; for secrets a keyed hash at most; nothing from a cache.
 */
export function keyOfMount(
  mount: PlannedMount,
  sources: MountSources,
  { secretKey }: RunSettings,
  { byOrigin = false, withContents = true }: KeyOptions = {},
): readonly unknown[] {
  const { type, target = '', readonly, mode = '', uid = '', gid = '', size = '', env = '' } = mount
  switch (type) {
    case 'bind': {
      const source = sourceOf(mount, sources)
      const path = mount.source ?? '/'
      if (byOrigin && source.snapshot !== undefined) return [type, target, readonly, source.snapshot.id, path]
      const isAll = isRoot(path) || source.input.tree.resolve(path) === ''
      if (isAll && source.snapshot !== undefined) return [type, target, readonly, source.snapshot.id]
      if (!withContents) return [type, target, readonly, path]
      return [type, target, readonly, digestNode(nodeAt(source, path))]
    }
    case 'cache':
      return [type, target, readonly]
    case 'tmpfs':
      return [type, target, size]
    default: {
      const id = type === 'secret' ? secretId(mount) : agentId(mount)
      const content = type === 'secret' ? secretKey(id) : undefined
      // What a step did without a secret is no result of one that requires it.
      const required = mount.required === true ? ['required'] : []
      return [type, target, id, mode, uid, gid, env, ...required, ...(content === undefined ? [] : [content])]
    }
  }
}

/** Puts folders of contexts on disk that most likely have to be there anyway, so that the key need not read their files a second time. */
export async function unpackContexts({ mounts }: RunOperation, sources: MountSources, tools: Tools): Promise<void> {
  const contexts = mounts.filter((mount) => readsContext(mount, sources))
  if (contexts.length === 0) return
  try {
    const sandbox = await tools.sandbox().open()
    for (const mount of contexts) {
      const node = nodeAt(sourceOf(mount, sources), mount.source ?? '/')
      if (node.kind === 'directory') await sandbox.unpack(node, () => digestWithTimes(node))
    }
  } catch {
    // The step may turn out not to need them; if it does, it meets the same.
    tools.signal.throwIfAborted()
  }
}

/** Whether a mount takes files of a context. */
export function readsContext(mount: PlannedMount, sources: MountSources): boolean {
  return mount.type === 'bind' && sourceOf(mount, sources).snapshot === undefined
}

interface Made {
  readonly mounts: readonly SandboxMount[]
  readonly env: readonly string[]
  /** Variables with secrets. */
  readonly secretEnv?: readonly string[]
}

/**
 * Returns what the sandbox has to mount, and the accompanying variables. Throws `SECRET_MISSING`, `SSH_MISSING`, and for bind
 * sources `COPY_SOURCE_MISSING`.
 */
export async function sandboxMount(mount: PlannedMount, context: MountContext): Promise<Made> {
  const { sources, tools, operation } = context
  const absolute = (path: string) => posix.resolve('/', operation.cwd, path)
  switch (mount.type) {
    case 'bind': {
      const source = sourceOf(mount, sources)
      const path = mount.source ?? '/'
      const common = { target: absolute(targetOf(mount)), readonly: mount.readonly }
      const node = nodeAt(source, path)
      if (source.snapshot === undefined)
        return { mounts: [{ kind: 'files', ...common, node, identity: () => digestWithTimes(node) }], env: [] }
      return { mounts: [{ kind: 'stack', ...common, stack: stackOf(source.snapshot, tools), path }], env: [] }
    }
    case 'cache': {
      const target = absolute(targetOf(mount))
      const name = cacheName(mount, operation, tools)
      const seed = mount.operation === undefined ? undefined : nodeAt(sourceOf(mount, sources), mount.source ?? '/')
      const { sharing, readonly, mode = 0o755, uid = 0, gid = 0 } = mount
      const id = `${name}${variantOf(mount, sources)}`
      return { mounts: [{ kind: 'cache', target, id, sharing, readonly, mode, uid, gid, seed }], env: [] }
    }
    case 'tmpfs':
      return { mounts: [{ kind: 'memory', target: absolute(targetOf(mount)), size: mount.size }], env: [] }
    case 'secret':
      return secret(mount, context, absolute)
    case 'ssh':
      return agent(mount, context, absolute)
  }
}

/** Returns the id of a cache mount, without what tells its variants apart. */
function cacheName(mount: PlannedMount, { cwd }: RunOperation, { run }: Pick<Tools, 'run'>): string {
  return `${run.cacheNamespace}/${mount.id ?? posix.resolve('/', cwd, targetOf(mount))}`
}

/**
 * Returns the ids of the cache mounts of steps for which the cache is not used: BuildKit empties these before it begins
 * (its `PruneCacheMounts`).
 */
export function cachesToEmpty(operations: readonly Operation[], tools: Tools): readonly string[] {
  const ids = operations.flatMap((operation) => {
    if (operation.kind !== 'run' || tools.mayRecall(operation)) return []
    const mounts = operation.mounts.filter(({ type }) => type === 'cache')
    return mounts.map((mount) => cacheName(mount, operation, tools))
  })
  return [...new Set(ids)]
}

/**
 * Returns what makes another cache with the same id, as in BuildKit: an owner or mode that is requested, and the source of its
 * initial files. It is appended to the id, which contains no zero byte.
 */
function variantOf(mount: PlannedMount, sources: MountSources): string {
  const { uid, gid, mode, operation, source } = mount
  if (uid === undefined && gid === undefined && mode === undefined && operation === undefined) return ''
  const from = operation === undefined ? [] : [originOf(sourceOf(mount, sources)), posix.resolve('/', source ?? '/')]
  return `\0${JSON.stringify([uid ?? 0, gid ?? 0, mode ?? 0o755, ...from])}`
}

function originOf({ snapshot, input }: MountSource): string {
  return snapshot?.id ?? digestNode(input.tree.root)
}

function secret(mount: PlannedMount, { tools }: MountContext, absolute: (path: string) => string): Made {
  const id = secretId(mount)
  const bytes = tools.run.secret(id)
  if (bytes === undefined) {
    if (!mount.required) return { mounts: [], env: [] }
    throw secretMissing(id)
  }
  const lines = mount.env === undefined ? [] : [variable(mount.env, id, bytes)]
  const variables = mayHide(mount.env ?? '') ? { env: [], secretEnv: lines } : { env: lines }
  if (mount.env !== undefined && mount.target === undefined) return { mounts: [], ...variables }
  const target = absolute(mount.target ?? `/run/secrets/${posix.basename(id)}`)
  return {
    mounts: [{ kind: 'secret', target, bytes, mode: mount.mode ?? 0o400, uid: mount.uid ?? 0, gid: mount.gid ?? 0 }],
    ...variables,
  }
}

function variable(name: string, id: string, bytes: Uint8Array): string {
  if (bytes.includes(0))
    throw new TareError(
      'SECRET_INVALID',
      `secret ${id} contains a NUL byte, which an environment variable cannot hold`,
      {
        remedy: 'Mount it as a file, without env=.',
      },
    )
  return `${name}=${Buffer.from(bytes).toString('utf8')}`
}

async function agent(
  mount: PlannedMount,
  { tools, operation, i }: MountContext,
  absolute: (path: string) => string,
): Promise<Made> {
  const id = agentId(mount)
  const place = operation.mounts.slice(0, i).filter(({ type }) => type === 'ssh').length
  const target = absolute(mount.target ?? `/run/buildkit/ssh_agent.${place}`)
  // Of several, the first one counts, and is set even if there is none. (BuildKit, client/llb/exec.go)
  const isNamed = place > 0 || operation.env.some((line) => line.startsWith('SSH_AUTH_SOCK='))
  const env = isNamed ? [] : [`SSH_AUTH_SOCK=${target}`]
  const path = await tools.run.agent(id)
  if (path === undefined) {
    if (!mount.required) return { mounts: [], env }
    throw agentMissing(id)
  }
  const { mode = 0o600, uid = 0, gid = 0 } = mount
  return { mounts: [{ kind: 'socket', target, path, mode, uid, gid }], env }
}

function sourceOf({ operation }: PlannedMount, sources: MountSources): MountSource {
  const source = operation === undefined ? undefined : sources.get(operation)
  if (source === undefined) throw new Error('a mount without its source')
  return source
}

function nodeAt({ input }: MountSource, path: string): Node {
  const place = input.tree.resolve(path)
  const node = place === '' ? input.tree.root : input.tree.get(place)
  if (node === undefined) throw explainMissing(path, input)
  return node
}
