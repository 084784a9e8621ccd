import { posix } from 'node:path'
import type { Snapshots } from '../../content/layers/index.ts'
import type { RegularFile, Tree } from '../../files/tree/index.ts'
import type { Step, Steps } from '../../support/index.ts'
import { locate, messageOf } from '../../support/index.ts'
import { downloadName, type ImageOperation, type Operation, type OperationId, type Plan } from '../plan/index.ts'
import {
  archiveFormat,
  hasUnlistedParents,
  type Input,
  requireSource,
  splitAtPivot,
  type Tools,
  treeOfDownload,
} from '../solve/index.ts'
import { type FoundArchives, neededFor, type OfferedSource } from './llb/index.ts'
import { NeededPaths } from './needed-paths.ts'
import type { OfferedFiles } from './session/index.ts'

export type OfferTools = Pick<
  Tools,
  'context' | 'download' | 'git' | 'fetchBase' | 'steps' | 'store' | 'unpackLimit'
> & {
  readonly signal: AbortSignal
  readonly snapshots: Snapshots
  /** Returns how an engine can pull the base: `docker.io/library/alpine@sha256:…`; undefined if only this machine has it. */
  readonly pullable: (operation: ImageOperation) => string | undefined
  /** A key for a folder of this machine that tells nothing about it: equal for equal names. */
  readonly sharedKey: (name: string) => string
}

/** A file that an ADD unpacks. */
interface UnpackedFile {
  /** The source's number. */
  readonly source: number
  readonly file: RegularFile
  readonly format: string
}

/** What a build offers to its engine: files by name, and bases. */
export class Offers {
  private readonly tools: OfferTools
  private readonly sources = new Map<OperationId, OfferedSource>()
  private readonly files = new Map<string, OfferedFiles>()
  private readonly unpacked = new Map<OperationId, UnpackedFile[]>()
  private gaps: ReadonlySet<RegularFile> = new Set()

  private constructor(tools: OfferTools) {
    this.tools = tools
  }

  /** Prepares everything the plan's root needs, and checks that sources exist. */
  static async of({ operations, output }: Plan, tools: OfferTools): Promise<Offers> {
    const offers = new Offers(tools)
    const needed = neededFor(operations, output.root)
    const inputs = new Map<OperationId, Input>()
    const paths = new Map<OperationId, NeededPaths>()
    for (const [id, operation] of operations.entries()) {
      if (!needed.has(id)) continue
      const input = await offers.add(id, operation)
      if (input === undefined) continue
      inputs.set(id, input)
      paths.set(id, new NeededPaths())
    }
    for (const [id, operation] of operations.entries()) {
      if (!needed.has(id)) continue
      try {
        collectPaths(operation, inputs, paths, (source, file) => offers.noteArchive(id, source, file))
      } catch (error) {
        throw locate(error, operation.where)
      }
    }
    for (const [id, { tree }] of inputs) {
      const source = offers.sources.get(id)
      const part = paths.get(id)!
      if (source?.kind === 'local') offers.files.set(source.name, { tree, includes: (path) => part.includes(path) })
    }
    return offers
  }

  source(id: OperationId): OfferedSource {
    return this.sources.get(id) ?? { kind: 'scratch' }
  }

  /** The names of all files. */
  get names(): readonly string[] {
    return [...this.files.keys()]
  }

  /** Returns the files with that name; undefined if none were offered. */
  filesNamed(name: string): OfferedFiles | undefined {
    return this.files.get(name)
  }

  /** Returns what an ADD unpacks of each of its sources. */
  archives(id: OperationId): readonly (FoundArchives | undefined)[] {
    const found: { formats: Set<string>; hasGaps: boolean }[] = []
    for (const { source, file, format } of this.unpacked.get(id) ?? []) {
      found[source] ??= { formats: new Set(), hasGaps: false }
      found[source].formats.add(format)
      found[source].hasGaps ||= this.gaps.has(file)
    }
    return found
  }

  /** Reads the archives, for an engine to which it matters what is in them. */
  async examineArchives({ operations }: Plan): Promise<void> {
    const gaps = new Set<RegularFile>()
    for (const [id, files] of this.unpacked) {
      const operation = operations[id]!
      if (operation.kind !== 'copy' || operation.owner === undefined) continue
      for (const { file } of files) if (await hasUnlistedParents(file, this.tools)) gaps.add(file)
    }
    this.gaps = gaps
  }

  private noteArchive(id: OperationId, source: number, file: RegularFile): void {
    const format = archiveFormat(file)
    if (format !== undefined) this.unpacked.set(id, [...(this.unpacked.get(id) ?? []), { source, file, format }])
  }

  /** Whether the operation's files go as they are on this machine, as a single filesystem. */
  isLocal(id: OperationId): boolean {
    return this.sources.get(id)?.kind === 'local'
  }

  /** Returns files of this machine that parts may be taken from. */
  private async add(id: OperationId, operation: Operation): Promise<Input | undefined> {
    const local = (name: string, about: string): void => {
      this.sources.set(id, { kind: 'local', name, sharedKey: this.tools.sharedKey(about) })
    }
    switch (operation.kind) {
      case 'scratch':
        this.sources.set(id, { kind: 'scratch' })
        return undefined
      case 'context': {
        const { name } = operation
        local(name === '' ? 'context' : `context-${id}`, `context ${name}`)
        const context = await this.tools.context(name)
        const label = name === '' ? 'the build context' : `the context "${name}"`
        return { tree: context.tree, label, context }
      }
      case 'download': {
        local(`download-${id}`, `download ${operation.url}`)
        const { path, digest, size, modified } = await this.step(operation, () => this.tools.download!(operation))
        return {
          tree: treeOfDownload(downloadName(operation.url), { path, digest, size, modified }),
          label: operation.title,
        }
      }
      case 'git': {
        local(`git-${id}`, `git ${operation.source.remote}`)
        const fetch = async (step: Step) => (await this.tools.git!(operation, step)).fetch(step)
        return { tree: await this.step(operation, fetch), label: operation.title }
      }
      case 'image':
        await this.addImage(id, operation)
        return undefined
      default:
        return undefined
    }
  }

  private async addImage(id: OperationId, operation: ImageOperation): Promise<void> {
    const reference = this.tools.pullable(operation)
    if (operation.base.layers.length === 0) {
      this.sources.set(id, { kind: 'scratch' })
    } else if (reference !== undefined) {
      this.sources.set(id, { kind: 'registry', reference })
    } else {
      const name = `image-${id}`
      this.sources.set(id, {
        kind: 'local',
        name,
        sharedKey: this.tools.sharedKey(`image ${operation.base.manifest.digest}`),
      })
      if (operation.base.fetchable === true)
        await this.step(operation, (step) => this.tools.fetchBase!(operation, step))
      const tree: Tree = this.tools.snapshots.of(operation.base.layers).tree()
      this.files.set(name, { tree, includes: () => true })
    }
  }

  private async step<T>(operation: Operation, work: (step: Step) => Promise<T>): Promise<T> {
    const step = (this.tools.steps as Steps).start(operation.title)
    try {
      const result = await work(step)
      step.done()
      return result
    } catch (error) {
      step.failed(messageOf(error))
      throw locate(error, operation.where)
    }
  }
}

function collectPaths(
  operation: Operation,
  inputs: ReadonlyMap<OperationId, Input>,
  paths: ReadonlyMap<OperationId, NeededPaths>,
  noteArchive: (source: number, file: RegularFile) => void,
): void {
  if (operation.kind === 'copy') {
    for (const [i, { from, path, unpack }] of operation.sources.entries()) {
      const input = inputs.get(from)
      if (input === undefined) continue
      const picks = requireSource(path, operation.parents, input)
      const needed = paths.get(from)!
      for (const { node } of picks) if (unpack && node.kind === 'file' && node.size > 0) noteArchive(i, node)
      if (operation.parents) {
        const { base, pattern } = splitAtPivot(path)
        needed.addPattern(input.tree, base, pattern)
      } else for (const pick of picks) needed.add(input.tree, pick.path)
    }
  } else if (operation.kind === 'run') {
    for (const mount of operation.mounts) {
      const input = mount.operation === undefined ? undefined : inputs.get(mount.operation)
      if (input === undefined) continue
      const path = posix.resolve('/', mount.source ?? '/')
      requireSource(path, false, input)
      paths.get(mount.operation!)!.add(input.tree, path)
    }
  }
}
