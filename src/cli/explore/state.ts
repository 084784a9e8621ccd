import {
  type ExploredImage,
  findPattern,
  type Mark,
  type Matches,
  modelOf,
  rowsOf,
  type Span,
  shownPaths,
  type Tree,
  type View,
  viewOf,
} from '../../explorer/index.ts'
import type { ImageContents } from '../../index.ts'
import { type Layout, layoutOf, type Size } from './layout.ts'

/** What is chosen. Everything else follows from it. */
export interface ExplorerState {
  readonly size: Size
  readonly pane: 'layers' | 'tree'
  /** From 1 for the lowest; 0 if the image has none. */
  readonly layer: number
  /** Marks what all layers above the first have changed up to this one, instead of what this one has. */
  readonly aggregated: boolean
  readonly hidden: ReadonlySet<Mark>
  /** Directories that were opened or closed by hand. */
  readonly folds: ReadonlyMap<number, boolean>
  /** The same for all others; undefined: those with few changes are open. */
  readonly allOpen: boolean | undefined
  /** Whether modes and owners are shown; undefined: if there is room. */
  readonly attributes: boolean | undefined
  readonly bySize: boolean
  readonly filter: string
  readonly isTyping: boolean
  /** What is shown instead of the tree. */
  readonly page: 'tree' | 'wasted' | 'help'
  /** The path under the cursor. */
  readonly path: number
  /** The first line of a page that is shown. */
  readonly pageTop: number
}

/** What is on the screen. */
export interface State extends ExplorerState {
  readonly image: ImageContents
  readonly explored: ExploredImage
  /** Characters that owners take. */
  readonly ownerWidth: number
  readonly view: View
  readonly matches: Matches | undefined
  readonly rows: Uint32Array
  /** The row of `path`. */
  readonly cursor: number
  /** The first row that is shown. */
  readonly top: number
  readonly layerTop: number
  readonly layout: Layout
}

/** Changes in a view up to which all of them are shown at once. */
const fewChanges = 100

export function startState(image: ImageContents, size: Size): State {
  const choice: ExplorerState = {
    ...{ size, pane: 'layers', layer: Math.min(1, image.layers.length), aggregated: false, hidden: new Set() },
    ...{ folds: new Map(), allOpen: undefined, attributes: undefined, bySize: false, filter: '', isTyping: false },
    ...{ page: 'tree', path: image.paths.name.length > 1 ? 1 : 0, pageTop: 0 },
  }
  const ownerWidth = image.owners.reduce((most, owner) => Math.max(most, owner.join(':').length), 0)
  return derive({ ...choice, image, explored: modelOf(image).images[0], ownerWidth }, undefined)
}

/** Makes a choice, and finds what follows from it. */
export function choose(state: State, choice: Partial<ExplorerState>): State {
  return derive({ ...state, ...choice }, state)
}

type Basis = ExplorerState & Pick<State, 'image' | 'explored' | 'ownerWidth'>

function derive(basis: Basis, before: State | undefined): State {
  const { explored } = basis
  const isSame = (...members: (keyof ExplorerState)[]) =>
    before !== undefined && members.every((member) => before[member] === basis[member])
  const view = isSame('layer', 'aggregated') ? before!.view : viewOf(explored, spanOf(basis))
  const matches = isSame('layer', 'aggregated', 'filter') ? before!.matches : findPattern([view], basis.filter)
  const rows = isSame('layer', 'aggregated', 'filter', 'hidden', 'folds', 'allOpen', 'bySize')
    ? before!.rows
    : rowsOf([view], shownPaths([view], { ...basis, matches }), {
        ...basis,
        isOpen: (path) => isOpen(basis, view, path),
      })
  const layout = layoutOf(
    basis.size,
    basis.image.layers.length,
    basis.page !== 'tree' ? 'right alone' : basis.pane === 'layers' ? 'left' : 'right',
  )
  const cursor = cursorIn(rows, basis.path, explored.tree)
  return {
    ...basis,
    ...{ view, matches, rows, layout, cursor, path: rows[cursor] ?? 0 },
    top: scroll(before?.top ?? 0, cursor, layout.tree, rows.length),
    layerTop: scroll(before?.layerTop ?? 0, Math.max(0, basis.layer - 1), layout.layers, basis.image.layers.length),
  }
}

/** As dive compares: a layer with those below it, or all with the first. */
function spanOf({ layer, aggregated }: ExplorerState): Span {
  return { top: layer, base: aggregated ? Math.min(1, layer) : Math.max(0, layer - 1) }
}

export function isOpen(choice: ExplorerState, view: View, path: number): boolean {
  const byHand = choice.folds.get(path) ?? choice.allOpen
  if (byHand !== undefined) return byHand
  return choice.filter !== '' || (view.changesBelow[path]! > 0 && view.changesBelow[0]! <= fewChanges)
}

/** Returns the row of a path, or of the closest directory that it is in. */
function cursorIn(rows: Uint32Array, path: number, { parent }: Tree): number {
  for (let wanted = path; wanted > 0; wanted = parent[wanted]!) {
    const row = rows.indexOf(wanted)
    if (row >= 0) return row
  }
  return 0
}

/** Moves a window over a list as little as possible, so that a row is in it. */
function scroll(top: number, row: number, height: number, count: number): number {
  const last = Math.max(0, count - height)
  return Math.max(0, Math.min(last, Math.max(row - height + 1, Math.min(top, row))))
}
