import type { Matches } from './find.ts'
import { absent, type Mark, marks } from './marks.ts'
import type { View } from './view.ts'

/** What is shown of views of the same paths. */
export interface Filter {
  readonly hidden?: ReadonlySet<Mark> | undefined
  /** Only these, and the directories that they are in. */
  readonly matches?: Matches | undefined
}

/** Returns for each path whether it is shown, 1 or 0: if filters let it through, or something in it. */
export function shownPaths(views: readonly View[], { hidden, matches }: Filter): Uint8Array {
  const isShown = marks.map((mark, i) => i !== absent && hidden?.has(mark) !== true)
  const { tree } = views[0]!.image
  const shown = new Uint8Array(tree.count)
  for (const { mark } of views)
    for (let path = 1; path < tree.count; path++)
      if (isShown[mark[path]!] && (matches === undefined || matches.found[path]! >= 2)) shown[path] = 1
  for (let path = tree.count - 1; path > 0; path--) if (shown[path] === 1) shown[tree.parent[path]!] = 1
  return shown
}

export interface Order {
  isOpen(directory: number): boolean
  /** Largest first. Default: by name. */
  readonly bySize?: boolean
}

/** Lists the paths that are shown, directories before their contents. */
export function rowsOf(views: readonly View[], shown: Uint8Array, { isOpen, bySize = false }: Order): Uint32Array {
  const { tree } = views[0]!.image
  const { end } = tree
  const rows = new Uint32Array(shown.length)
  let count = 0
  const weight = views
    .map(({ total }) => total)
    .reduce((one, other) => one.map((bytes, path) => Math.max(bytes, other[path]!)))
  const list = (directory: number): void => {
    const stop = end[directory]!
    if (bySize) {
      const children: number[] = []
      for (let path = directory + 1; path < stop; path = end[path]!) if (shown[path] === 1) children.push(path)
      for (const path of children.sort((a, b) => weight[b]! - weight[a]! || a - b)) {
        rows[count++] = path
        if (end[path]! > path + 1 && isOpen(path)) list(path)
      }
      return
    }
    // Without a change of order, a pass over the columns needs no recursion.
    for (let path = directory + 1; path < stop; ) {
      if (shown[path] === 1) rows[count++] = path
      path = shown[path] === 1 && (end[path] === path + 1 || isOpen(path)) ? path + 1 : end[path]!
    }
  }
  if (tree.count > 0) list(0)
  return rows.slice(0, count)
}
