import { absent, added, changed, directory, type Mark, marks, removed, rewritten, same } from './marks.ts'
import type { ExploredImage } from './model.ts'

/** Two layers by number, 0 being the empty filesystem below all. */
export interface Span {
  /** The layer whose filesystem is viewed. */
  readonly top: number
  /** The one that it is compared with; nothing is different from `top` itself. */
  readonly base: number
  /** Views only what is different, and the directories that it is in; what is gone has its size in all sums. */
  readonly onlyChanges?: boolean
}

/** An image as a layer leaves it, and what has changed since a lower one. Columns by the number of a path. */
export interface View {
  readonly image: ExploredImage
  readonly span: Span
  /** Index in `marks`. */
  readonly mark: Uint8Array
  /** The number of the change that made it what it is, or that removed it; -1 if absent. */
  readonly change: Int32Array
  /** Bytes of files, and of everything in a directory. A file with several names counts once, under the first. */
  readonly total: Float64Array
  /** Files in it, and itself if it is one. */
  readonly files: Uint32Array
  /** The number of paths in it that are not the same, at any depth. */
  readonly changesBelow: Uint32Array
  /** The number of paths that have each mark, without directories. */
  readonly counts: Readonly<Record<Mark, number>>
}

type Columns = Omit<View, 'counts'>

export function viewOf(image: ExploredImage, span: Span): View {
  const { count } = image.tree
  const view = {
    ...{ image, span, mark: new Uint8Array(count), change: new Int32Array(count).fill(-1) },
    ...{ total: new Float64Array(count), files: new Uint32Array(count), changesBelow: new Uint32Array(count) },
  }
  const { type } = image.contents.changes
  const counts = marks.map(() => 0)
  const links = { there: new Set<number>(), gone: new Set<number>() }
  for (let path = 0; path < count; path++) {
    const at = markPath(view, path)
    if (at < 0 || type[at] === directory) continue
    counts[view.mark[path]!]! += 1
    weighFile(view, path, links)
  }
  view.mark[0] = same
  addUp(view)
  return { ...view, counts: Object.fromEntries(marks.map((mark, i) => [mark, counts[i]!])) as View['counts'] }
}

/** Finds what a path is, and was; returns the change that made it so, or -1. */
function markPath({ image, span, mark: own, change }: Columns, path: number): number {
  const { first, end, layers, effects } = image
  const { top, base, onlyChanges } = span
  const start = first[path]!
  const stop = end[path]!
  let at = start
  while (at < stop && layers[at]! <= base) at += 1
  const wasThere = at > start && effects[at - 1] !== removed
  let mark: number = same
  for (; at < stop && layers[at]! <= top; at++) {
    const effect = effects[at]!
    // What was removed meanwhile, and is there, is another one.
    if (effect !== same && mark !== changed) mark = effect === rewritten ? rewritten : changed
  }
  if (at === start) return -1
  if (effects[at - 1] === removed) mark = wasThere ? removed : absent
  else if (!wasThere) mark = added
  if (mark === absent || (mark === same && onlyChanges === true)) return -1
  own[path] = mark
  change[path] = at - 1
  return at - 1
}

interface Links {
  readonly there: Set<number>
  readonly gone: Set<number>
}

function weighFile({ image, mark, change, total, files }: Columns, path: number, links: Links): void {
  const { linked, size } = image.contents.changes
  const at = change[path]!
  files[path] = 1
  if (linked[at] !== 0) {
    // One name of a file may be gone, and another not.
    const seen = mark[path] === removed ? links.gone : links.there
    if (seen.has(linked[at]!)) return
    seen.add(linked[at]!)
  }
  total[path] = size[at]!
}

/** Children come after their directories, so that one pass from the end adds everything up. */
function addUp(view: Columns): void {
  const { image, span, mark, total, files, changesBelow } = view
  const { parent } = image.tree
  for (let path = mark.length - 1; path > 0; path--) {
    if (mark[path] === absent) continue
    const above = parent[path]!
    // A directory that holds what is different.
    if (mark[above] === absent) mark[above] = same
    changesBelow[above]! += changesBelow[path]! + (mark[path] === same ? 0 : 1)
    // (`isCounted`)
    if (mark[path] === removed && mark[above] !== removed && span.onlyChanges !== true) continue
    total[above]! += total[path]!
    files[above]! += files[path]!
  }
}

/** Whether a path is part of the sums of its directory: what is gone is only if that is gone, too. */
export function isCounted({ image, span, change }: Pick<View, 'image' | 'span' | 'change'>, path: number): boolean {
  const { effects, tree } = image
  return (
    span.onlyChanges === true || effects[change[path]!] !== removed || effects[change[tree.parent[path]!]!] === removed
  )
}

/** Whether a path shows as a directory. */
export function isDirectory({ change, image }: View, path: number): boolean {
  const at = change[path]!
  return at < 0 ? image.tree.end[path]! > path + 1 || path === 0 : image.contents.changes.type[at] === directory
}

/** The layer that made a path what it is, or removed it; 0 for none. */
export function layerOf({ change, image }: View, path: number): number {
  const at = change[path]!
  return at < 0 ? 0 : image.layers[at]!
}
