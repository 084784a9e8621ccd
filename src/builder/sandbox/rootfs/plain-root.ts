import { lstatSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, makeFolderOfMode, privately } from '../../../disk/index.ts'
import { type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import { decodeName } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import type { Stack } from '../step/index.ts'
import { readCapabilities } from './capabilities.ts'
import { Extractor, layerBetween, shortName } from './extract.ts'
import { refusingLongPaths } from './long-paths.ts'
import { plainTree } from './plain-tree.ts'
import { type Found, walk } from './walk.ts'

/** A whole filesystem in a folder of its own, where no overlay can be; the next step may go on with it. */
export class PlainRoot {
  readonly path: string
  /** Of the step that it is for. */
  private readonly folder: string
  /** Where filesystems stay. */
  private readonly trees: string
  private readonly machine: Machine
  private since = 0
  private reusable = false

  constructor({
    path,
    folder,
    trees,
    machine,
  }: Pick<PlainRoot, 'path'> & Record<'folder' | 'trees', string> & { readonly machine: Machine }) {
    this.path = path
    this.folder = folder
    this.trees = trees
    this.machine = machine
  }

  /** Makes the folder: what the step before left, or all of it unpacked. */
  async unpack(on: Stack, tree: Tree): Promise<void> {
    try {
      renameSync(join(this.trees, shortName(on.layers.at(-1)?.chain ?? '')), this.path)
      return
    } catch {
      makeFolderOfMode(this.path, tree.root.mode)
    }
    const layer = await layerBetween(Tree.empty, new Tree(withoutLinks(tree.root)), join(this.folder, 'tar'))
    await new Extractor(this.machine).layer(layer, this.path)
  }

  /** What is changed from now on, by the clock of the disk, is the command's doing. */
  begin(): void {
    const marker = join(this.folder, 'began')
    writeFileSync(marker, '')
    this.since = Number(lstatSync(marker, { bigint: true }).ctimeMs)
  }

  /** The filesystem as the command left it. Throws `PATH_TOO_LONG`. */
  async after(before: Tree, untouched: ReadonlySet<string> = new Set()): Promise<Tree> {
    const { path: folder, since } = this
    const walked = await refusingLongPaths(folder, () => walk(folder, undefined)[0]!)
    this.reusable = !hasLinks(walked)
    const found = this.machine.oneId ? withOwners(walked, before.root) : walked
    const capabilities = await readCapabilities(found, folder, this.machine, since)
    return plainTree(found, { before, folder, since, untouched, capabilities })
  }

  /** Leaves it for the step that goes on with the filesystem of that name. */
  keep(chain: string): void {
    if (!this.reusable) return
    try {
      makeFolder(this.trees, privately)
      renameSync(this.path, join(this.trees, shortName(chain)))
    } catch {
      // It can be unpacked again.
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

function hasLinks(found: Found): boolean {
  return (found.children ?? []).some((child) => child.inode !== undefined || hasLinks(child))
}
