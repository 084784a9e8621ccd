import { absent, added, changed, directory, type Mark, marks, removed, rewritten, same } from './marks.ts'
import type { PathOutline } from './outline.ts'

/** Two layers by number, 0 being the empty filesystem below all. */
export interface Span {
  /** The layer whose filesystem is viewed. */
  readonly top: number
  /** The one that it is compared with. */
  readonly base: number
}

/** An image as a layer leaves it, and what has changed since a lower one. Columns by the number of a path. */
export interface TreeView {
  readonly outline: PathOutline
  /** Index in `marks`. */
  readonly marks: Uint8Array
  /** The number of the change that made it what it is, or what it was before it was removed; -1 if absent. */
  readonly made: Int32Array
  /** Bytes of files, and of everything in a directory. A file with several names counts once, under the first. */
  readonly totals: Float64Array
  /** The number of paths in it that are not the same, at any depth. */
  readonly changesBelow: Uint32Array
  /** The number of paths that have each mark, without directories. */
  readonly counts: Readonly<Record<Mark, number>>
}

export function viewTree(outline: PathOutline, span: Span): TreeView {
  const { changes } = outline.contents
  const count = outline.parents.length
  const view = {
    outline,
    marks: new Uint8Array(count).fill(absent),
    made: new Int32Array(count).fill(-1),
    totals: new Float64Array(count),
    changesBelow: new Uint32Array(count),
  }
  view.marks[0] = same
  markPaths(view, span)
  const counts = [0, 0, 0, 0, 0, 0]
  const links = { there: new Set<number>(), gone: new Set<number>() }
  for (let path = 1; path < count; path++) {
    const made = view.made[path]!
    if (made < 0 || changes.type[made] === directory) continue
    const mark = view.marks[path]!
    counts[mark]! += 1
    const linked = changes.linked[made]!
    if (linked !== 0) {
      // One name of a file may be gone, and another not.
      const seen = mark === removed ? links.gone : links.there
      if (seen.has(linked)) continue
      seen.add(linked)
    }
    view.totals[path] = changes.size[made]!
  }
  addUp(view)
  return {
    ...view,
    counts: Object.fromEntries(marks.map((mark, i) => [mark, counts[i]!])) as Record<Mark, number>,
  }
}

/** Finds what each path is, and was. */
function markPaths({ outline, ...view }: Pick<TreeView, 'outline' | 'marks' | 'made'>, { top, base }: Span): void {
  const { starts, layers, effects } = outline
  for (let path = 1; path < view.marks.length; path++) {
    const first = starts[path]!
    const end = starts[path + 1]!
    let before = first - 1
    while (before + 1 < end && layers[before + 1]! <= base) before += 1
    let now = before
    let mark: number = same
    while (now + 1 < end && layers[now + 1]! <= top) {
      now += 1
      const effect = effects[now]!
      // What was removed meanwhile, and is there, is another one.
      if (effect !== same && mark !== changed) mark = effect === rewritten ? rewritten : changed
    }
    const wasThere = before >= first && effects[before] !== removed
    if (now >= first && effects[now] !== removed) {
      view.made[path] = now
      view.marks[path] = wasThere ? mark : added
    } else if (wasThere) {
      view.made[path] = before
      view.marks[path] = removed
    }
  }
}

/** Children come after their directories, so that one pass from the end adds everything up. */
function addUp({
  outline,
  marks,
  totals,
  changesBelow,
}: Pick<TreeView, 'outline' | 'marks' | 'totals' | 'changesBelow'>): void {
  for (let path = marks.length - 1; path > 0; path--) {
    const mark = marks[path]!
    if (mark === absent) continue
    const parent = outline.parents[path]!
    changesBelow[parent]! += changesBelow[path]! + (mark === same ? 0 : 1)
    // What is gone is part of a directory only if that is gone, too.
    if (mark !== removed || marks[parent] === removed) totals[parent]! += totals[path]!
  }
}
