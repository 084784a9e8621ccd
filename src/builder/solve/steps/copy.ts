import { type MadeLayer, type Snapshot, scratch } from '../../../content/layers/index.ts'
import { ignoreMatcher, ignoreRules, parseChmod } from '../../../dockerfile/values/index.ts'
import { unpackInto } from '../../../files/context/index.ts'
import { expectLayer, HashWorker, type StoredLayer, sameContent, withLayer } from '../../../files/layer/index.ts'
import { compareTrees, type RegularFile, Tree, type TreeDraft } from '../../../files/tree/index.ts'
import { type Step, unhurried } from '../../../support/index.ts'
import type { CopyOperation, CopySource } from '../../plan/index.ts'
import { isAlike, isPartOf } from '../copy/alike.ts'
import { Copier, type CopierOptions } from '../copy/copy-into.ts'
import { digestSelections } from '../copy/listing.ts'
import { type OpenedArchive, openForUnpacking } from '../copy/opened-archive.ts'
import type { Pick as Picked } from '../copy/pick-sources.ts'
import { requireSource } from '../copy/require-source.ts'
import type { Excluder } from '../copy/selection.ts'
import { copyRecipe, sourceOf } from '../explain/copy-recipe.ts'
import { explainExecuted } from '../explain/explain.ts'
import type { Recipe } from '../explain/recipe.ts'
import type { Input } from '../input.ts'
import { resolveOwner } from '../owner.ts'
import {
  isFormKnown,
  keepStep,
  keyOf,
  latestLayer,
  mayRecallKey,
  type RecalledStep,
  recallStep,
  rememberStep,
  reuse,
} from '../remember.ts'
import { elsewhereOf, stamp, type Tools, withTimes } from '../tools.ts'
import { makeLayer } from './make-layer.ts'

/**
 * Executes COPY and ADD: copies files of other operations onto a filesystem, as one new layer. `inputs` are in the order of the
 * sources.
 */
export function copyStep(
  operation: CopyOperation,
  onto: Snapshot,
  inputs: readonly Input[],
  tools: Tools,
  step: Step,
): Promise<Snapshot> {
  return new CopyStep(operation, onto, inputs, tools, step).run()
}

// A smaller layer is made again faster than an old one is searched.
const worthTakingOver = 1 << 20
// A larger archive is hashed on another thread while it is unpacked.
const hashAside = 32 << 20

/** A resolved source. */
interface Found {
  readonly unpack: boolean
  readonly picks: readonly Picked[]
}

class CopyStep {
  private readonly operation: CopyOperation
  private readonly onto: Snapshot
  private readonly tools: Tools
  private readonly step: Step
  private readonly exclude: Excluder | undefined
  private readonly inputs: readonly Input[]
  /** Undefined for files not fetched yet. */
  private readonly found: (Found | undefined)[]
  private readonly archives: OpenedArchive[] = []
  private readonly unpacked = new Set<RegularFile>()
  /** What the sources contain, digested, once that is known. */
  private listing = ''

  constructor(operation: CopyOperation, onto: Snapshot, inputs: readonly Input[], tools: Tools, step: Step) {
    this.operation = operation
    this.onto = onto
    this.tools = tools
    this.step = step
    this.exclude = operation.exclude.length === 0 ? undefined : ignoreMatcher(ignoreRules(operation.exclude))
    this.inputs = inputs
    this.found = operation.sources.map((source, i) =>
      inputs[i]!.remote === undefined ? this.find(source, inputs[i]!) : undefined,
    )
  }

  async run(): Promise<Snapshot> {
    const { operation, onto, tools } = this
    const { to, owner, mode, link, parents, exclude } = operation
    const form = keyOf(
      'copy',
      // The result of --link is the same on any base.
      link ? '' : onto.id,
      to,
      owner ?? '',
      mode ?? '',
      link,
      parents,
      exclude,
      tools.latest ?? '',
      operation.sources.map(({ path, unpack }) => [path, unpack]),
      ...elsewhereOf(tools),
    )
    const remotes = this.inputs.flatMap(({ remote }) => remote ?? [])
    // Without an earlier step of this form, no key can be found: files are then hashed only while being read anyway.
    const mayRecall = tools.mayRecall(operation)
    const isMade = mayRecallKey(tools, operation, form) && isFormKnown(tools, form)
    const isElsewhere = tools.shared?.knows(form) === true || tools.explain !== undefined
    const isKnown = isMade || (mayRecall && isElsewhere)
    const key = !isKnown && remotes.length === 0 ? undefined : await this.key(form)
    const isUsable = isKnown && key !== undefined && mayRecallKey(tools, operation, key)
    const known = isUsable ? recallStep(tools, key, form) : undefined
    if (known !== undefined) return this.recalled(known)
    await this.bring()
    // Other commits may well have the same files.
    const mayBeAlike = mayRecall && isKnown && remotes.length > 0 && !remotes.some(({ timesCount }) => timesCount)
    const alike = mayBeAlike ? recallStep(tools, await this.key(form), form) : undefined
    if (alike !== undefined) {
      const record = { ...alike, keys: [...new Set([...alike.keys, key!])] }
      if (alike.shared === undefined) rememberStep(tools, record)
      return this.recalled(record)
    }
    const latest = isMade ? latestLayer(tools, form) : undefined
    expectLayer(latest?.size ?? 0)
    try {
      const layer = await this.make(latest)
      const byContent = key === undefined || remotes.length > 0 ? await this.key(form) : key
      const keys = [byContent, await this.keyByIdentity(form), key].filter((one) => one !== undefined)
      const record = { keys: [...new Set(keys)], form, layer }
      const recipe = this.recipe()
      const told = { operation, step: this.step, recipe, keys: record.keys, layer }
      await explainExecuted(tools, { ...told, nameOf: (path) => sourceOf(path, this.operation, this.found) })
      keepStep(tools, operation, record, recipe)
      return tools.snapshots.stack(onto, layer)
    } finally {
      for (const archive of this.archives) archive.close()
    }
  }

  private recalled(known: RecalledStep): Snapshot {
    const { operation, tools, step } = this
    const check = () => this.isMadeOfThese(known.layer)
    const recipe = () => this.recipe()
    return reuse(known, this.onto, { operation, tools, step, recipe, check })
  }

  /**
   * Whether a layer from elsewhere is what this step makes of its files, apart from times. As long as the filesystem below has not
   * been fetched, it is enough that the layer has nothing else in it. Files that are not here can only be believed.
   */
  private async isMadeOfThese({ diffId }: MadeLayer): Promise<boolean> {
    const { onto, operation, tools } = this
    if (this.found.some((found) => found === undefined)) return true
    const isHere = operation.link || onto.layers.every((layer) => tools.store.blobs.has(layer.diffId))
    const before = operation.link || !isHere ? scratch.tree() : onto.tree()
    const draft = before.edit()
    try {
      await this.fill(draft, isHere ? this.options() : { now: stamp(tools), owner: undefined, mode: undefined })
      const made = withLayer(before, tools.snapshots.storedLayer(diffId)).root
      const expected = new Tree(draft.done()).root
      return await unhurried(isHere ? isAlike(made, expected) : isPartOf(made, expected), tools.signal)
    } finally {
      for (const archive of this.archives.splice(0)) archive.close()
    }
  }

  private recipe(): Recipe {
    return copyRecipe(this.operation, this.onto, this.tools, this.listing)
  }

  /** Fetches remote files. */
  private async bring(): Promise<void> {
    for (const [i, source] of this.operation.sources.entries()) {
      const { remote, label, timed = false } = this.inputs[i]!
      if (remote !== undefined) this.found[i] = this.find(source, { label, tree: await remote.fetch(this.step), timed })
    }
  }

  private find({ path, unpack }: CopySource, input: Input): Found {
    const { tree, timed = false } = input
    const picks = requireSource(path, this.operation.parents, input)
    const { exclude } = this
    return { unpack, picks: picks.map((pick) => ({ ...pick, exclude, untimed: !timed && pick.node === tree.root })) }
  }

  /** Files not fetched yet are included by identity, all others by content. */
  private key(form: string): Promise<string> {
    return this.keyOf(form, this.found)
  }

  /** Returns a key that finds the layer when its source files are no longer here; undefined if they have no identity. */
  private async keyByIdentity(form: string): Promise<string | undefined> {
    if (this.inputs.every((input) => identityOf(input) === undefined)) return undefined
    return this.keyOf(
      form,
      this.found.map((found, i) => (identityOf(this.inputs[i]!) === undefined ? found : undefined)),
    )
  }

  private async keyOf(form: string, all: readonly (Found | undefined)[]): Promise<string> {
    const awaited = all.flatMap((found, i) => (found === undefined ? [[i, identityOf(this.inputs[i]!)]] : []))
    const selections = all.flatMap((found, i) =>
      (found?.picks ?? []).map((pick) => ({ ...pick, path: `${i}:${pick.name}` })),
    )
    const listing = await unhurried(digestSelections(selections), this.tools.signal)
    if (awaited.length === 0) this.listing = listing
    return awaited.length === 0 ? keyOf(form, listing) : keyOf(form, listing, awaited)
  }

  private async make(latest: MadeLayer | undefined): Promise<MadeLayer> {
    const { onto, operation, tools } = this
    if (!operation.link) await onto.fetch?.()
    const before = operation.link ? scratch.tree() : onto.tree()
    const draft = before.edit()
    // Makes it visible whether this step sets the root's time.
    draft.change([], { mtime: Number.NaN })
    const options = this.options()
    await this.fill(draft, options)
    const after = new Tree(draft.done())
    const differences = await withTimes(compareTrees(before.root, after.root, sameContent), operation, tools)
    // Settled from the start, so that an early failure is not unhandled. What is not learnt here is read later.
    const hashing = Promise.allSettled([...this.unpacked].flatMap((file) => hashAsideOf(file)))
    try {
      const layer = await makeLayer(
        { differences, digests: () => this.unpacked.size === 0, previous: this.previous(latest) },
        tools,
        this.step,
      )
      return { ...layer, ...rootTimeOf(after, options) }
    } finally {
      await hashing
    }
  }

  private async fill(draft: TreeDraft, options: CopierOptions): Promise<void> {
    for (const found of this.found) {
      if (found === undefined) throw new Error('files that were not fetched')
      for (const pick of found.picks) {
        this.tools.signal.throwIfAborted()
        const archive =
          found.unpack && pick.node.kind === 'file' && pick.node.size > 0
            ? await openForUnpacking(pick.node, this.tools)
            : undefined
        if (archive === undefined)
          await unhurried(new Copier(draft, options).copy(pick, this.operation.to), this.tools.signal)
        else this.unpack(draft, archive, pick.node as RegularFile, options)
      }
    }
  }

  private unpack(draft: TreeDraft, archive: OpenedArchive, file: RegularFile, { now, owner }: CopierOptions): void {
    this.archives.push(archive)
    this.unpacked.add(file)
    const target = draft.resolve(this.operation.to)
    draft.makeDirectories(target, { mode: 0o755, uid: owner?.uid ?? 0, gid: owner?.gid, ...now })
    unpackInto(draft, target, archive.archive, { now, owner, contentAt: archive.contentAt, signal: this.tools.signal })
  }

  private options(): CopierOptions {
    const { owner, mode, link } = this.operation
    return {
      now: stamp(this.tools),
      owner: owner === undefined ? undefined : resolveOwner(owner, link ? scratch : this.onto),
      mode: mode === undefined ? undefined : { change: parseChmod(mode), absolute: /^\d/.test(mode) },
    }
  }

  /** Returns the last layer of this form; all contents are known by then, so most of it is likely to be the same. */
  private previous(latest: MadeLayer | undefined): StoredLayer | undefined {
    if (latest === undefined || latest.size < worthTakingOver) return undefined
    return this.tools.snapshots.storedLayer(latest.diffId)
  }
}

/** Returns the time that the copy gave to the root; undefined if that is only the time of the copy, or of the layer. */
function rootTimeOf({ root }: Tree, { now }: CopierOptions): Pick<MadeLayer, 'rootTime'> {
  const { mtime, mtimeNs } = root
  if (Number.isNaN(mtime) || (mtime === now.mtime && mtimeNs === now.mtimeNs)) return {}
  return { rootTime: { mtime, mtimeNs } }
}

function identityOf({ identity, remote }: Input): string | undefined {
  return remote?.identity ?? identity
}

/** Hashes a large archive on another thread: the step's key needs its digest in the end. */
function hashAsideOf(file: RegularFile): Promise<void>[] {
  const { content, size } = file
  if (size < hashAside || content.kind !== 'extent' || content.digest !== undefined) return []
  const { path, offset } = content
  const learn = async () => {
    const worker = await HashWorker.start()
    try {
      content.digest = `sha256:${await worker.ask({ path, offset, size })}`
    } finally {
      await worker.end()
    }
  }
  return [learn()]
}
