import type { ListedFile } from '../../../index.ts'
import { humanSize } from '../../text/human.ts'
import { modeText, namedWith } from './long-lines.ts'

export interface TreeOptions {
  /** The largest first, and not by name. */
  readonly bySize: boolean
  readonly long: boolean
}

interface Branch {
  readonly name: string
  file: ListedFile | undefined
  size: number
  readonly children: Map<string, Branch>
}

/** The files as a tree with sizes; a directory's is that of all that is in it. */
export function fileTree(found: readonly ListedFile[], options: TreeOptions): string {
  const root = grow(found)
  const lines: string[] = []
  const draw = (branch: Branch, indent: string): void => {
    const children = [...branch.children.values()]
    if (options.bySize) children.sort((a, b) => b.size - a.size)
    for (const [i, child] of children.entries()) {
      const isLast = i === children.length - 1
      lines.push(`${cells(child, options)}  ${indent}${isLast ? '└── ' : '├── '}${label(child)}\n`)
      draw(child, `${indent}${isLast ? '    ' : '│   '}`)
    }
  }
  draw(root, '')
  return lines.join('')
}

function grow(found: readonly ListedFile[]): Branch {
  const root: Branch = { name: '', file: undefined, size: 0, children: new Map() }
  // Paths of what is listed begin alike: that part is no branch.
  const parents = new Map<string, Branch>()
  for (const file of found) {
    const slash = file.path.lastIndexOf('/')
    const parent = parents.get(file.path.slice(0, slash)) ?? root
    const name = parent === root ? file.path : file.path.slice(slash + 1)
    const known = parent.children.get(name)
    const branch: Branch = known ?? { name, file, size: 0, children: new Map() }
    branch.file = file
    parent.children.set(name, branch)
    parents.set(file.path, branch)
    branch.size += file.total ?? file.size
  }
  add(root)
  return root
}

/** Lets each directory have the size of what is in it, where it is not known: a layer's may not be listed at all. */
function add(branch: Branch): number {
  if (branch.file?.total !== undefined) return branch.size
  for (const child of branch.children.values()) branch.size += add(child)
  return branch.size
}

function cells({ file, size }: Branch, { long }: TreeOptions): string {
  const owner = file === undefined ? '' : `${file.uid}:${file.gid}`
  const before = long && file !== undefined ? `${modeText(file)}  ${owner.padEnd(9)}  ` : ''
  return `${before}${humanSize(size, 3).padStart(7)}`
}

function label({ name, file }: Branch): string {
  if (file === undefined) return name
  const { type, target } = file
  const shown = namedWith({ path: name, type, ...(target === undefined ? {} : { target }) })
  return type === 'directory' ? `${shown}/` : type === 'removed' ? `${shown} (removed)` : shown
}
