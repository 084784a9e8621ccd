import type { llb } from '../../../buildkit/index.ts'
import type { Platform } from '../../../oci/index.ts'
import { locate } from '../../../support/index.ts'
import type {
  FilesOperation,
  MakeDirectoryOperation,
  Operation,
  OperationId,
  Plan,
  RunSurroundings,
} from '../../plan/index.ts'
import type { EngineCapabilities } from './capabilities.ts'
import { type FoundArchives, type Marshalling, marshalCopy } from './copy.ts'
import { fileActions } from './file-actions.ts'
import { ownerOf } from './owner.ts'
import { marshalRun } from './run.ts'
import { type Edge, Inputs, Vertices } from './vertices.ts'

/** How an operation that is not made from others reaches the engine. */
export type OfferedSource =
  | { readonly kind: 'scratch' }
  /** `docker.io/library/alpine:3.19@sha256:…`, which the engine pulls. */
  | { readonly kind: 'registry'; readonly reference: string }
  /** Files of this machine, under a name of the session. */
  | { readonly kind: 'local'; readonly name: string; readonly sharedKey: string }

export interface MarshalSettings {
  readonly platform: Platform
  readonly capabilities: EngineCapabilities
  /** The session that offers local sources. */
  readonly session: string
  readonly source: (id: OperationId) => OfferedSource
  /** Returns what an ADD unpacks of each of its sources. */
  readonly archives: (id: OperationId) => readonly (FoundArchives | undefined)[]
  /** Whether a cached result of the operation may be used. */
  readonly mayRecall: (operation: Operation) => boolean
  readonly run: RunSurroundings
  /** The time of directories created by WORKDIR, in seconds since 1970. */
  readonly epoch?: number | undefined
}

export interface Marshalled {
  readonly definition: llb.Definition
  /** The same for the same steps in another session, whatever their files are. */
  readonly key: string
  /** Vertices that belong to an operation. */
  readonly operations: ReadonlyMap<string, Operation>
}

/** Writes what the plan's root needs in BuildKit's language. Returns undefined if that is nothing at all. Throws `ENGINE_TOO_OLD`. */
export function marshalPlan({ operations, output }: Plan, settings: MarshalSettings): Marshalled | undefined {
  const needed = neededFor(operations, output.root)
  const vertices = new Vertices(settings.session)
  const platforms: Platform[] = []
  const edges = new Map<OperationId, Edge>()
  const known = new Map<string, Operation>()
  for (const [id, operation] of operations.entries()) {
    platforms[id] = platformOf(operation, platforms, settings.platform)
    if (!needed.has(id)) continue
    const { os, architecture, variant = '' } = platforms[id]
    const platform = { os, architecture, variant }
    const marshalling: Marshalling = { vertices, capabilities: settings.capabilities, platform }
    try {
      const edge = marshalOperation(operation, id, edges, settings, marshalling)
      edges.set(id, edge)
      if (edge !== undefined) known.set(edge.digest, operation)
    } catch (error) {
      throw locate(error, operation.where)
    }
  }
  const root = edges.get(output.root)
  return root === undefined
    ? undefined
    : { definition: vertices.definition(root), key: vertices.key(root), operations: known }
}

/** A stage may be built on another platform than the image: FROM --platform. */
function platformOf(operation: Operation, platforms: readonly Platform[], wanted: Platform): Platform {
  if (operation.kind === 'image') return operation.base.config.platform
  return 'onto' in operation ? platforms[operation.onto]! : wanted
}

/** Returns the operations that another one is made of. */
export function inputsOf(operation: Operation): readonly OperationId[] {
  if (operation.kind === 'copy') return [operation.onto, ...operation.sources.map(({ from }) => from)]
  if (operation.kind === 'run') return [operation.onto, ...operation.mounts.flatMap((mount) => mount.operation ?? [])]
  return operation.kind === 'make-directory' ? [operation.onto] : []
}

export function neededFor(operations: readonly Operation[], root: OperationId): ReadonlySet<OperationId> {
  const needed = new Set<OperationId>([root])
  for (let id = operations.length - 1; id >= 0; id--)
    if (needed.has(id)) for (const input of inputsOf(operations[id]!)) needed.add(input)
  return needed
}

function marshalOperation(
  operation: Operation,
  id: OperationId,
  edges: ReadonlyMap<OperationId, Edge>,
  settings: MarshalSettings,
  marshalling: Marshalling,
): Edge {
  const ignoreCache = !settings.mayRecall(operation)
  switch (operation.kind) {
    case 'files':
      return marshalFiles(operation, marshalling)
    case 'make-directory':
      return marshalDirectory(operation, edges.get(operation.onto), settings, marshalling, ignoreCache)
    case 'copy': {
      const sources = operation.sources.map(({ from }) => edges.get(from))
      const archives = settings.archives(id)
      return marshalCopy(operation, edges.get(operation.onto), { edges: sources, archives }, marshalling, ignoreCache)
    }
    case 'run':
      return marshalRun(operation, edges.get(operation.onto), edges, settings.run, marshalling, ignoreCache)
    default:
      return marshalSource(operation, settings.source(id), settings, marshalling)
  }
}

function marshalSource(
  operation: Operation,
  source: OfferedSource,
  { session }: MarshalSettings,
  { vertices, platform }: Marshalling,
): Edge {
  switch (source.kind) {
    case 'scratch':
      return undefined
    case 'registry': {
      const value = { identifier: `docker-image://${source.reference}`, attrs: {} }
      return vertices.add({ platform, op: { case: 'source', value } }, operation.title)
    }
    case 'local': {
      const attrs = { 'local.session': session, 'local.sharedkeyhint': source.sharedKey }
      const value = { identifier: `local://${source.name}`, attrs }
      return vertices.add({ platform, op: { case: 'source', value } }, operation.title)
    }
  }
}

function marshalFiles({ files, title }: FilesOperation, { vertices, platform }: Marshalling): Edge {
  const actions = fileActions(files, 0o644)
  return vertices.add({ platform, op: { case: 'file', value: { actions } } }, title)
}

function marshalDirectory(
  { path, owner, title }: MakeDirectoryOperation,
  onto: Edge,
  { epoch }: MarshalSettings,
  { vertices, platform }: Marshalling,
  ignoreCache: boolean,
): Edge {
  const inputs = new Inputs()
  const input = inputs.of(onto)
  const timestamp = epoch === undefined ? -1n : BigInt(epoch) * 1_000_000_000n
  const value = { path, mode: 0o755, makeParents: true, timestamp, ...ownerOf(owner, input) }
  const action = { input, secondaryInput: -1n, output: 0n, action: { case: 'mkdir' as const, value } }
  return vertices.add({ inputs: inputs.edges, platform, op: { case: 'file', value: { actions: [action] } } }, title, {
    ignoreCache,
  })
}
