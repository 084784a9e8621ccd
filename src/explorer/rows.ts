import { absent, type Mark, marks } from './marks.ts'
import type { TreeView } from './view.ts'

export interface RowOptions {
  readonly hidden: ReadonlySet<Mark>
  /** From `findPaths`: only these, and the directories that they are in. */
  readonly matches?: Uint8Array | undefined
  isOpen(directory: number): boolean
  /** Largest first. Default: by name. */
  readonly bySize?: boolean
}

/** Lists the paths that are shown, directories before their contents. */
export function rowsOf(view: TreeView, options: RowOptions): Uint32Array {
  const { ends } = view.outline
  const shown = shownPaths(view, options)
  const rows = new Uint32Array(shown.length)
  let count = 0
  const list = (directory: number): void => {
    const end = ends[directory]!
    if (options.bySize === true) {
      const children: number[] = []
      for (let path = directory + 1; path < end; path = ends[path]!) if (shown[path] === 1) children.push(path)
      for (const path of children.sort((a, b) => view.totals[b]! - view.totals[a]! || a - b)) {
        rows[count++] = path
        if (ends[path]! > path + 1 && options.isOpen(path)) list(path)
      }
      return
    }
    // Without a change of order, a pass over the columns needs no recursion.
    for (let path = directory + 1; path < end; ) {
      if (shown[path] === 1) rows[count++] = path
      path = shown[path] === 1 && (ends[path] === path + 1 || options.isOpen(path)) ? path + 1 : ends[path]!
    }
  }
  list(0)
  return rows.slice(0, count)
}

/** Marks what filters let through: paths themselves, and the directories that lead to them. */
function shownPaths({ outline, marks: own }: TreeView, { hidden, matches }: RowOptions): Uint8Array {
  const isHidden = marks.map((mark) => hidden.has(mark))
  const shown = new Uint8Array(own.length)
  for (let path = own.length - 1; path > 0; path--) {
    if (own[path] === absent) continue
    if (!isHidden[own[path]!] && (matches === undefined || matches[path] === 1)) shown[path] = 1
    if (shown[path] === 1) shown[outline.parents[path]!] = 1
  }
  return shown
}
