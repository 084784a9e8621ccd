import { posix } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { llb } from '../../../buildkit/index.ts'
import type { CopyOperation } from '../../plan/index.ts'
import { type EngineCapabilities, refuseMissing } from './capabilities.ts'
import { ownerOf } from './owner.ts'
import { type Edge, Inputs, type Vertices } from './vertices.ts'

type Op = MessageInitShape<typeof llb.OpSchema>
type Action = MessageInitShape<typeof llb.FileActionSchema>
type CopyFields = Partial<Pick<llb.FileActionCopy, 'src' | 'mode' | 'modeStr' | 'includePatterns' | 'excludePatterns'>>

/** What every operation's marshalling works with. */
export interface Marshalling {
  readonly vertices: Vertices
  readonly capabilities: EngineCapabilities
  readonly platform: NonNullable<Op['platform']>
}

export interface CopySources {
  /** In the order of the operation's sources. */
  readonly edges: readonly Edge[]
  /** The formats of those that are unpacked. */
  readonly archives: ReadonlySet<string>
}

/** Adds COPY and ADD: one action for each source, one after the other. */
export function marshalCopy(
  operation: CopyOperation,
  onto: Edge,
  sources: CopySources,
  { vertices, capabilities, platform }: Marshalling,
  ignoreCache: boolean,
): Edge {
  const { link, title, where } = operation
  const isMerged = link && onto !== undefined
  if (isMerged) refuseMissing(capabilities, 'mergeop', '--link', where)
  refuseOld(operation, sources, capabilities)
  const below = isMerged ? undefined : onto
  const inputs = new Inputs()
  const base = inputs.of(below)
  const numbers = sources.edges.map((source) => inputs.of(source))
  const copies = operation.sources.map(
    ({ path, unpack }, i): Pick<Action, 'action' | 'secondaryInput'> => ({
      secondaryInput: numbers[i]!,
      action: {
        case: 'copy',
        value: {
          ...sourceOf(operation, path, capabilities),
          ...ownerOf(operation.owner, base),
          ...modeOf(operation, capabilities),
          dest: operation.to,
          followSymlink: true,
          dirCopyContents: true,
          attemptUnpack: unpack,
          createDestPath: true,
          allowWildcard: true,
          allowEmptyWildcard: true,
          timestamp: -1n,
        },
      },
    }),
  )
  const all = [...parentsOf(operation, base, capabilities), ...copies]
  const actions = all.map((action, i) => ({
    ...action,
    // Earlier actions are counted after the inputs.
    input: i === 0 ? base : BigInt(inputs.edges.length + i - 1),
    output: i === all.length - 1 ? 0n : -1n,
  }))
  const copied = vertices.add({ inputs: inputs.edges, platform, op: { case: 'file', value: { actions } } }, title, {
    ignoreCache,
  })
  if (!isMerged) return copied
  const merged = new Inputs()
  const layers = [onto, copied].map((edge) => ({ input: merged.of(edge) }))
  return vertices.add({ inputs: merged.edges, op: { case: 'merge', value: { inputs: layers } } }, title)
}

/** What BuildKit learnt with symbolic modes: before, ADD --chown left the entries of archives alone, and parents had no --chmod. */
const modern = 'file.copy.modestring'
/** What BuildKit 0.8 of docker 20.10 does not have yet. */
const middle = 'file.copy.includeexcludepatterns'

function refuseOld(
  { owner, mode, where }: CopyOperation,
  { archives }: CopySources,
  capabilities: EngineCapabilities,
): void {
  if (owner !== undefined && archives.size > 0) refuseMissing(capabilities, modern, 'ADD --chown of an archive', where)
  if (archives.has('zstd')) refuseMissing(capabilities, middle, 'ADD of a zstd archive', where)
  if (mode !== undefined && /^0*[1-7][0-7]{3}$/.test(mode))
    refuseMissing(capabilities, middle, `--chmod=${mode}`, where)
}

/** Parents that COPY --chmod creates get the mode too; an older engine has them made first. */
function parentsOf(
  { mode, to, owner }: CopyOperation,
  base: bigint,
  { llb }: EngineCapabilities,
): readonly Pick<Action, 'action' | 'secondaryInput'>[] {
  const path = to.endsWith('/') ? to : posix.dirname(to)
  if (mode === undefined || llb.has(modern) || !/^[0-7]+$/.test(mode) || posix.resolve(path) === '/') return []
  const value = {
    ...{ path: posix.resolve(path), mode: Number.parseInt(mode, 8) & 0o777, makeParents: true, timestamp: -1n },
    ...ownerOf(owner, base),
  }
  return [{ secondaryInput: -1n, action: { case: 'mkdir', value } }]
}

function sourceOf(operation: CopyOperation, path: string, capabilities: EngineCapabilities): CopyFields {
  const { parents, exclude, where } = operation
  if (parents) refuseMissing(capabilities, middle, '--parents', where)
  if (exclude.length > 0) refuseMissing(capabilities, middle, '--exclude', where)
  const excludePatterns = [...exclude]
  if (!parents) return { src: posix.join('/', path), excludePatterns }
  const pivot = path.indexOf('/./')
  const [root, pattern] = pivot < 0 ? ['', path] : [path.slice(0, pivot), path.slice(pivot + '/./'.length)]
  const kept = posix.join('/', pattern).slice(1)
  return { src: posix.join('/', root), includePatterns: kept === '' ? [] : [kept], excludePatterns }
}

function modeOf({ mode, where }: CopyOperation, capabilities: EngineCapabilities): CopyFields {
  if (mode === undefined) return { mode: -1 }
  if (/^[0-7]+$/.test(mode)) return { mode: Number.parseInt(mode, 8) }
  refuseMissing(capabilities, modern, `--chmod=${mode}`, where)
  return { mode: -1, modeStr: mode }
}
