import { chmodSync, chownSync, lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import { compareTrees, type Directory, type Node, type RegularFile, type Tree } from '../../../files/tree/index.ts'
import { decodeName } from '../../../support/index.ts'
import { isMappedHere, type Machine } from '../machine/index.ts'
import type { Stack } from '../step/index.ts'
import { readCapabilities } from './capabilities.ts'
import { Extractor } from './extract.ts'
import { refusingLongPaths } from './long-paths.ts'
import { plainTree } from './plain-tree.ts'
import { removeAll } from './remove-all.ts'
import { restore } from './restore.ts'
import { giveBits, setIdPrograms, takeBits } from './set-id.ts'
import { readSparse } from './sparse-files.ts'
import { treeOf } from './stack-trees.ts'
import { oddities, type Touched, touchedBy } from './touched.ts'
import { type WalkedFile, walk } from './walk.ts'
import { type Near, stateOf, WorkingCopies } from './working-copies.ts'

export interface PlainRootOptions {
  /** Where to create it. */
  readonly path: string
  /** The step's folder. */
  readonly folder: string
  /** Where filesystems are kept for later steps. */
  readonly trees: string
  readonly machine: Machine
  /** Names in the root that count as unchanged, whatever is done there. */
  readonly untouched?: ReadonlySet<string> | undefined
}

/**
 * A complete filesystem in a folder, where overlays are not available. A step continues with what another one left, even in
 * another build, after undoing that one's changes.
 */
export class PlainRoot {
  readonly path: string
  private readonly options: PlainRootOptions
  private readonly copies: WorkingCopies
  private readonly extractor: Extractor
  private stack: Stack | undefined
  private since = 0
  /** What is now on disk, as far as it has been examined. */
  private seen: { readonly tree: Tree; readonly odd: Touched } | undefined

  constructor(options: PlainRootOptions) {
    this.path = options.path
    this.options = options
    this.copies = new WorkingCopies(options.trees)
    this.extractor = new Extractor(options.machine)
  }

  /** Creates the folder: from what another step left, changed as needed, or by unpacking everything. */
  async unpack(stack: Stack): Promise<void> {
    const { folder, machine } = this.options
    const { root } = stack.tree()
    const near = this.copies.take(stack, this.path, join(folder, 'copy'))
    if (near === undefined || !(await this.adapt(stack, near))) {
      await removeAll(machine, [this.path])
      makeFolderOfMode(this.path, root.mode)
      await this.extractor.contents(withoutLinks(root), this.path)
    }
    if (machine.root) chownSync(this.path, root.uid, root.gid)
    chmodSync(this.path, root.mode)
    this.stack = stack
    // Whatever changes from now on, by the disk's clock, is the step's doing.
    this.since = await nextTick(join(folder, 'began'))
  }

  /** Returns the filesystem after the command. Throws `PATH_TOO_LONG`. */
  async after(): Promise<Tree> {
    const { path: folder, since } = this
    const { machine, untouched = new Set() } = this.options
    const before = this.stack!.tree()
    const walked = await refusingLongPaths(folder, () => walk(folder, undefined)[0]!)
    const found = machine.oneId
      ? withOwners(walked, before.root)
      : isMappedHere(lastId)
        ? walked
        : withOwners(walked, before.root, isMappedHere)
    const capabilities = await readCapabilities(found, folder, machine, since)
    const sparse = await readSparse(found, { folder, to: join(this.options.folder, 'sparse.tar'), machine })
    const tree = plainTree(found, { before, folder, since, untouched, capabilities, sparse })
    this.seen = { tree, odd: oddities(found, nameOf) }
    return tree
  }

  /**
   * Leaves the filesystem to later steps: under that chain ID if it has become that filesystem, otherwise as the stack's, with
   * all changes undone. Does nothing if it is incomplete.
   */
  async leave(chain?: string): Promise<void> {
    const { stack } = this
    if (stack === undefined) return
    try {
      if (this.seen === undefined) await this.after()
      const { tree, odd } = this.seen!
      const changed = touchedBy(compareTrees(stack.tree().root, tree.root, isSame))
      const { layers } = stateOf(stack)
      if (chain === undefined) await restore(this.path, stack.tree(), [...changed, ...odd], this.extractor)
      const { root } = chain === undefined ? stack.tree() : tree
      await takeBits(setIdPrograms(root), this.path, this.options.machine)
      const state =
        chain === undefined
          ? { layers, touched: [] }
          : { layers: [...layers, { chain, touched: changed }], touched: odd }
      this.copies.leave(this.path, join(this.options.folder, 'copy'), state)
    } catch {
      // It can be unpacked again.
    } finally {
      this.stack = undefined
    }
  }

  /** Whether the copy could be turned into what is needed. */
  private async adapt(stack: Stack, { shared, touched }: Near): Promise<boolean> {
    try {
      const wanted = stack.tree()
      const more = shared === stack.layers.length ? [] : compareTrees(treeOf(stack, shared).root, wanted.root, isSame)
      await restore(this.path, wanted, [...touched, ...touchedBy(more)], this.extractor)
      await giveBits(setIdPrograms(wanted.root), this.path, this.options.machine)
      return true
    } catch {
      return false
    }
  }
}

// A kernel's clock for files ticks every 1 to 10 ms; disks that store seconds are not waited for.
const mostTicks = 20

/** Waits until the disk's clock has moved on, so that what is written before and after can be told apart. Milliseconds since 1970. */
async function nextTick(marker: string): Promise<number> {
  writeFileSync(marker, '')
  const time = () => lstatSync(marker, { bigint: true }).ctimeMs
  const before = time()
  for (let i = 0; i < mostTicks; i++) {
    chmodSync(marker, 0o600)
    if (time() > before) break
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return Number(time())
}

const lastId = { uid: 0xffff_fffe, gid: 0xffff_fffe }

/**
 * For machines on which root is the only possible owner, so that nothing can be given away: existing files keep their owner, and
 * everything else belongs to root. With `isMapped` only files whose owner is not mapped, and which have been root's therefore, keep it.
 */
export function withOwners(
  found: WalkedFile,
  before: Directory | undefined,
  isMapped?: (owner: { readonly uid: number; readonly gid: number }) => boolean,
): WalkedFile {
  const children = found.children?.map((child): WalkedFile => {
    const old = before?.children.get(nameOf(child.name))
    const isSame = old !== undefined && old.kind === child.kind
    const keeps = isSame && (isMapped === undefined || (child.uid + child.gid === 0 && !isMapped(old)))
    const { uid, gid } = keeps ? old : isMapped === undefined ? { uid: 0, gid: 0 } : child
    return { ...withOwners(child, old?.kind === 'directory' ? old : undefined, isMapped), uid, gid }
  })
  return children === undefined ? found : { ...found, children }
}

/**
 * Makes each name a separate file: overlays copy up only the name that is written through, and other sandboxes and Docker use
 * overlays.
 */
function withoutLinks(directory: Directory): Directory {
  const children = new Map<string, Node>()
  for (const [name, node] of directory.children)
    children.set(name, node.kind === 'directory' ? withoutLinks(node) : { ...node })
  return { ...directory, children }
}

/** Without reading: whatever is not known to be the same may have changed. */
function isSame(a: RegularFile, b: RegularFile): boolean {
  return a.content === b.content
}

function nameOf(latin1: string): string {
  return decodeName(Buffer.from(latin1, 'latin1'))
}
