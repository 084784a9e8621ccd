import { chmodSync, chownSync, lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import { compareTrees, type Directory, type Node, type RegularFile, type Tree } from '../../../files/tree/index.ts'
import { decodeName } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import type { Stack } from '../step/index.ts'
import { readCapabilities } from './capabilities.ts'
import { Extractor } from './extract.ts'
import { refusingLongPaths } from './long-paths.ts'
import { plainTree } from './plain-tree.ts'
import { restore } from './restore.ts'
import { treeOf } from './stack-trees.ts'
import { oddities, type Touched, touchedBy } from './touched.ts'
import { removeAll } from './unpacked.ts'
import { type Found, walk } from './walk.ts'
import { type Near, stateOf, WorkingCopies } from './working-copies.ts'

export interface PlainRootOptions {
  /** Where it is to be. */
  readonly path: string
  /** Of the step that it is for. */
  readonly folder: string
  /** Where filesystems stay for the steps after this one. */
  readonly trees: string
  readonly machine: Machine
  /** Names in the root that stay as they were, whatever is done there. */
  readonly untouched?: ReadonlySet<string> | undefined
}

/**
 * A whole filesystem in a folder of its own, where no overlay can be. A step goes on with what another one has left, also one of
 * another build: what that had changed is put back.
 */
export class PlainRoot {
  readonly path: string
  private readonly options: PlainRootOptions
  private readonly copies: WorkingCopies
  private readonly extractor: Extractor
  private stack: Stack | undefined
  private since = 0
  /** What is on disk now, as far as somebody has looked. */
  private seen: { readonly tree: Tree; readonly odd: Touched } | undefined

  constructor(options: PlainRootOptions) {
    this.path = options.path
    this.options = options
    this.copies = new WorkingCopies(options.trees)
    this.extractor = new Extractor(options.machine)
  }

  /** Makes the folder: what another step has left, changed to what is wanted, or all of it unpacked. */
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
    // What is changed from now on, by the clock of the disk, is the step's doing.
    const marker = join(folder, 'began')
    writeFileSync(marker, '')
    this.since = Number(lstatSync(marker, { bigint: true }).ctimeMs)
  }

  /** The filesystem as the command left it. Throws `PATH_TOO_LONG`. */
  async after(): Promise<Tree> {
    const { path: folder, since } = this
    const { machine, untouched = new Set() } = this.options
    const before = this.stack!.tree()
    const walked = await refusingLongPaths(folder, () => walk(folder, undefined)[0]!)
    const found = machine.oneId ? withOwners(walked, before.root) : walked
    const capabilities = await readCapabilities(found, folder, machine, since)
    const tree = plainTree(found, { before, folder, since, untouched, capabilities })
    this.seen = { tree, odd: oddities(found, nameOf) }
    return tree
  }

  /**
   * Leaves it for other steps: as the filesystem of that name, where the stack has come to be one, else as the stack's, with nothing
   * left of what was done to it. Does nothing where there is nothing whole to leave.
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

  /** Whether the copy could be made what is wanted. */
  private async adapt(stack: Stack, { shared, touched }: Near): Promise<boolean> {
    try {
      const wanted = stack.tree()
      const more = shared === stack.layers.length ? [] : compareTrees(treeOf(stack, shared).root, wanted.root, isSame)
      await restore(this.path, wanted, [...touched, ...touchedBy(more)], this.extractor)
      return true
    } catch {
      return false
    }
  }
}

/**
 * Where root is the only owner that there can be, and so nobody could give anything away: what was there before belongs to whom
 * it did, and everything else to root.
 */
export function withOwners(found: Found, before: Directory | undefined): Found {
  const children = found.children?.map((child): Found => {
    const old = before?.children.get(decodeName(Buffer.from(child.name, 'latin1')))
    const { uid = 0, gid = 0 } = old?.kind === child.kind ? old : {}
    return { ...withOwners(child, old?.kind === 'directory' ? old : undefined), uid, gid }
  })
  return children === undefined ? found : { ...found, children }
}

/**
 * Each name a file of its own: what is written through one name of a file from below does not show under the others, since
 * an overlay copies just that one up, and other sandboxes and Docker have overlays.
 */
function withoutLinks(directory: Directory): Directory {
  const children = new Map<string, Node>()
  for (const [name, node] of directory.children)
    children.set(name, node.kind === 'directory' ? withoutLinks(node) : { ...node })
  return { ...directory, children }
}

/** Without reading: what is not known to be the same may have been changed. */
function isSame(a: RegularFile, b: RegularFile): boolean {
  return a.content === b.content
}

function nameOf(latin1: string): string {
  return decodeName(Buffer.from(latin1, 'latin1'))
}
