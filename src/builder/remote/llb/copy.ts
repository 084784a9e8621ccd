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

/** What an ADD unpacks. */
export interface FoundArchives {
  /** `tar`, `gzip`, `zstd`, … */
  readonly formats: ReadonlySet<string>
  /** Whether entries have parents that the archive does not list. */
  readonly hasGaps: boolean
}

export interface CopySources {
  /** In the order of the operation's sources. */
  readonly edges: readonly Edge[]
  /** What is unpacked of each of them; undefined for a source without archives. */
  readonly archives: readonly (FoundArchives | undefined)[]
}

/** Adds COPY and ADD: one action for each source, one after the other. */
export function marshalCopy(
  operation: CopyOperation,
  onto: Edge,
  sources: CopySources,
  marshalling: Marshalling,
  ignoreCache: boolean,
): Edge {
  const { vertices, capabilities } = marshalling
  const { link, title } = operation
  refuseOld(operation, sources, capabilities)
  if (!link || onto === undefined) return addCopies(operation, onto, sources, marshalling, title, ignoreCache)
  const isMerged = capabilities.llb.has('mergeop')
  const name = isMerged ? title : `[internal] files of ${title}`
  const copied = addCopies(operation, undefined, sources, marshalling, name, ignoreCache)
  // Without merging, the files are copied over once more. What merging would replace, a link by a directory for one, is then an error.
  if (!isMerged) return addOver(copied, onto, marshalling, title)
  const inputs = new Inputs()
  const layers = [onto, copied].map((edge) => ({ input: inputs.of(edge) }))
  return vertices.add({ inputs: inputs.edges, op: { case: 'merge', value: { inputs: layers } } }, title)
}

const plainCopy = {
  mode: -1,
  dest: '/',
  followSymlink: true,
  dirCopyContents: true,
  createDestPath: true,
  allowWildcard: true,
  allowEmptyWildcard: true,
  timestamp: -1n,
}

/** Copies all of a filesystem over another one. */
function addOver(all: Edge, onto: Edge, { vertices, platform }: Marshalling, title: string): Edge {
  const inputs = new Inputs()
  const [input, secondaryInput] = [inputs.of(onto), inputs.of(all)]
  const action = { case: 'copy' as const, value: { ...plainCopy, src: '/' } }
  const actions = [{ input, secondaryInput, output: 0n, action }]
  return vertices.add({ inputs: inputs.edges, platform, op: { case: 'file', value: { actions } } }, title)
}

function addCopies(
  operation: CopyOperation,
  below: Edge,
  sources: CopySources,
  marshalling: Marshalling,
  name: string,
  ignoreCache: boolean,
): Edge {
  const { vertices, capabilities, platform } = marshalling
  const inputs = new Inputs()
  const base = inputs.of(below)
  const copies = operation.sources.map(({ path, unpack }, i): Pick<Action, 'action' | 'secondaryInput'> => {
    const isApart = isUnpackedApart(operation, sources.archives[i], capabilities)
    const source = isApart
      ? addUnpacked(path, sources.edges[i], marshalling, `[internal] unpack ${path}`)
      : sources.edges[i]
    return {
      secondaryInput: inputs.of(source),
      action: {
        case: 'copy',
        value: {
          ...plainCopy,
          ...(isApart ? { src: '/' } : sourceOf(operation, path, capabilities)),
          ...ownerOf(operation.owner, base),
          ...modeOf(operation, capabilities),
          dest: operation.to,
          attemptUnpack: unpack && !isApart,
        },
      },
    }
  })
  const all = [...parentsOf(operation, base, capabilities), ...copies]
  const actions = all.map((action, i) => ({
    ...action,
    // Earlier actions are counted after the inputs.
    input: i === 0 ? base : BigInt(inputs.edges.length + i - 1),
    output: i === all.length - 1 ? 0n : -1n,
  }))
  return vertices.add({ inputs: inputs.edges, platform, op: { case: 'file', value: { actions } } }, name, {
    ignoreCache,
  })
}

/** An older engine does not apply --chown to the entries of archives: they are unpacked first, and then copied. */
function isUnpackedApart(
  { owner }: CopyOperation,
  archives: FoundArchives | undefined,
  { llb }: EngineCapabilities,
): boolean {
  return owner !== undefined && archives !== undefined && !llb.has(modern)
}

function addUnpacked(path: string, from: Edge, { vertices, platform }: Marshalling, name: string): Edge {
  const inputs = new Inputs()
  const value = { ...plainCopy, src: posix.join('/', path), attemptUnpack: true }
  const action = { case: 'copy' as const, value }
  const actions = [{ input: -1n, secondaryInput: inputs.of(from), output: 0n, action }]
  return vertices.add({ inputs: inputs.edges, platform, op: { case: 'file', value: { actions } } }, name)
}

/** What BuildKit learnt with symbolic modes: before, ADD --chown left the entries of archives alone, and parents had no --chmod. */
export const modern = 'file.copy.modestring'
/** What BuildKit 0.8 of docker 20.10 does not have yet. */
export const middle = 'file.copy.includeexcludepatterns'

function refuseOld(
  { owner, mode, where }: CopyOperation,
  { archives }: CopySources,
  capabilities: EngineCapabilities,
): void {
  const found = archives.flatMap((one) => one ?? [])
  if (owner !== undefined && mode !== undefined && found.length > 0)
    refuseMissing(capabilities, modern, 'ADD --chown --chmod of an archive', where)
  // Copied, they would get the owner as well.
  if (owner !== undefined && found.some(({ hasGaps }) => hasGaps))
    refuseMissing(capabilities, modern, 'ADD --chown of an archive that does not list all its directories', where)
  if (found.some(({ formats }) => formats.has('zstd')))
    refuseMissing(capabilities, middle, 'ADD of a zstd archive', where)
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
