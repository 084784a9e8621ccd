import { lstatSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Directory, Node, Tree } from '../../../files/tree/index.ts'
import { systemPath } from '../../../support/index.ts'
import type { Extractor } from './extract.ts'
import { parentOf } from './touched.ts'

/** A directory of what has to be put back. */
interface Part {
  readonly node: Directory
  readonly children: Map<string, Part | Exclude<Node, Directory>>
}

/**
 * Makes the folder the filesystem that is wanted, where it may be another one: what must not be there goes, and everything else
 * at the touched paths is put there again. No link is followed: every directory on the way is one before anything below it is looked at.
 */
export async function restore(
  folder: string,
  wanted: Tree,
  touched: Iterable<string>,
  to: Pick<Extractor, 'contents'>,
): Promise<void> {
  const work = new Restoring(folder, wanted)
  for (const [path, whole] of inOrder(touched)) work.at(path, whole)
  await to.contents(asDirectory(work.root), folder)
}

/** The paths, and every directory on the way to one, which changes its time as names in it come and go; what is above comes first. */
function inOrder(touched: Iterable<string>): (readonly [path: string, whole: boolean])[] {
  const found = new Map<string, boolean>()
  for (const text of touched) {
    const whole = !text.endsWith('/')
    const path = whole ? text : text.slice(0, -1)
    if (path === '') continue
    found.set(path, whole || found.get(path) === true)
    for (let above = parentOf(path); above !== '' && !found.has(above); above = parentOf(above)) found.set(above, false)
  }
  return [...found].sort(([a], [b]) => a.length - b.length)
}

class Restoring {
  readonly root: Part
  private readonly folder: string
  /** Directories that are there and stay; what is below others is there whole, or not at all. */
  private readonly stay = new Map<string, Part>()

  constructor(folder: string, wanted: Tree) {
    this.folder = folder
    this.root = { node: wanted.root, children: new Map() }
    this.stay.set('', this.root)
  }

  at(path: string, whole: boolean): void {
    const parent = this.stay.get(parentOf(path))
    if (parent === undefined) return
    const name = path.slice(path.lastIndexOf('/') + 1)
    const node = parent.node.children.get(name)
    const onDisk = systemPath(join(this.folder, path))
    const stat = lstatSync(onDisk, { throwIfNoEntry: false })
    if (node?.kind === 'directory' && stat?.isDirectory() && !whole) {
      const part: Part = { node, children: new Map() }
      this.stay.set(path, part)
      parent.children.set(name, part)
      return
    }
    if (stat?.isDirectory()) rmSync(onDisk, { recursive: true })
    else if (stat !== undefined) unlinkSync(onDisk)
    if (node !== undefined) parent.children.set(name, node.kind === 'directory' ? wholePart(node) : alone(node))
  }
}

function wholePart(node: Directory): Part {
  const children: Part['children'] = new Map()
  for (const [name, child] of node.children)
    children.set(name, child.kind === 'directory' ? wholePart(child) : alone(child))
  return { node, children }
}

/** A copy, so that it is no other name of a file elsewhere. */
function alone<N extends Exclude<Node, Directory>>(node: N): N {
  return { ...node, ...exactly(node) }
}

function exactly({ exactNs }: Node): Pick<Node, 'exactNs'> {
  return exactNs === undefined ? {} : { exactNs }
}

function asDirectory({ node, children }: Part): Directory {
  const all = new Map<string, Node>()
  for (const [name, child] of children) all.set(name, 'node' in child ? asDirectory(child) : child)
  return { ...node, ...exactly(node), children: all }
}
