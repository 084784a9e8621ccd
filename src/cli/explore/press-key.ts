import type { Mark } from '../../explorer/index.ts'
import type { Key } from './decode-keys.ts'
import { choose, type ExplorerState, isOpen, type State } from './state.ts'

/** What a key asks for besides another picture. */
export type Request = 'quit' | 'suspend'

/** What a key does. */
export function pressKey(state: State, key: Key): State | Request {
  if (key === 'ctrl-c') return 'quit'
  if (key === 'ctrl-z') return 'suspend'
  if (state.isTyping) return type(state, key)
  if (state.page !== 'tree' && (key === 'escape' || key === 'q')) return choose(state, { page: 'tree' })
  switch (key) {
    case 'q':
    case 'Q':
      return 'quit'
    case 'tab':
    case 'back-tab':
      return choose(state, { pane: state.pane === 'tree' ? 'layers' : 'tree' })
    case 'ctrl-f':
    case 'ctrl-/':
    case '/':
      return choose(state, { isTyping: true, page: 'tree', pane: 'tree' })
    case 'escape':
      return state.filter === '' ? state : choose(state, { filter: '' })
    case '?':
      return openPage(state, 'help')
    case 'w':
      return openPage(state, 'wasted')
    case 'n':
      return toMatch(state, 1)
    case 'N':
      return toMatch(state, -1)
    default: {
      const rows = moves(state)[key]
      if (rows !== undefined) return move(state, rows)
      return state.pane === 'layers' ? inLayers(state, key) : inTree(state, key)
    }
  }
}

/** Keys that move, and by how many rows. */
function moves({ layout, pane, page }: State): Readonly<Record<Key, number>> {
  const height = Math.max(1, (pane === 'layers' && page === 'tree' ? layout.layers : layout.tree) - 1)
  return {
    ...{ up: -1, k: -1, down: 1, j: 1, 'page-up': -height, u: -height, 'page-down': height, d: height },
    ...{ home: Number.NEGATIVE_INFINITY, g: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY },
    G: Number.POSITIVE_INFINITY,
  }
}

function move(state: State, by: number): State {
  const { image, rows, cursor } = state
  if (state.page === 'wasted') {
    const last = Math.max(0, image.wastedPaths.length - state.layout.tree)
    return choose(state, { pageTop: clamp(state.pageTop + by, 0, last) })
  }
  if (state.page === 'help') return state
  if (state.pane === 'layers') {
    const layer = clamp(state.layer + by, Math.min(1, image.layers.length), image.layers.length)
    return layer === state.layer ? state : choose(state, { layer })
  }
  return choose(state, { path: rows[clamp(cursor + by, 0, rows.length - 1)] ?? 0 })
}

function inLayers(state: State, key: Key): State {
  switch (key) {
    case 'ctrl-a':
      return choose(state, { aggregated: true })
    case 'ctrl-l':
      return choose(state, { aggregated: false })
    case 'right':
    case 'enter':
      return choose(state, { pane: 'tree' })
    default:
      return state
  }
}

const filters: Readonly<Record<Key, readonly Mark[]>> = {
  'ctrl-a': ['added'],
  'ctrl-r': ['removed'],
  // Enter is the same key on a terminal.
  enter: ['changed', 'rewritten'],
  'ctrl-u': ['same'],
}

function inTree(state: State, key: Key): State {
  const filter = Object.hasOwn(filters, key) ? filters[key] : undefined
  if (filter !== undefined) return choose(state, { hidden: toggled(state.hidden, filter) })
  switch (key) {
    case ' ':
      return fold(state, !isOpen(state, state.view, state.path))
    case 'ctrl-space':
      return choose(state, { folds: new Map(), allOpen: state.allOpen !== true })
    case 'right':
    case 'l':
      return fold(state, true)
    case 'left':
    case 'h':
      return closeOrLeave(state)
    case 'ctrl-b':
      return choose(state, { attributes: !showsAttributes(state) })
    case 'ctrl-o':
      return choose(state, { bySize: !state.bySize })
    default:
      return state
  }
}

/** Modes and owners take about 20 columns. */
export function showsAttributes({ attributes, layout }: State): boolean {
  return attributes ?? layout.right >= 64
}

function toggled(hidden: ReadonlySet<Mark>, filter: readonly Mark[]): ReadonlySet<Mark> {
  const now = new Set(hidden)
  for (const mark of filter) if (!now.delete(mark)) now.add(mark)
  return now
}

function fold(state: State, open: boolean): State {
  const { end } = state.explored.tree
  if (end[state.path]! <= state.path + 1 || isOpen(state, state.view, state.path) === open) return state
  return choose(state, { folds: new Map(state.folds).set(state.path, open) })
}

function closeOrLeave(state: State): State {
  const closed = isOpen(state, state.view, state.path) ? fold(state, false) : state
  if (closed !== state) return closed
  const parent = state.explored.tree.parent[state.path]!
  return parent <= 0 ? state : choose(state, { path: parent })
}

function toMatch(state: State, step: 1 | -1): State {
  const { rows, matches, cursor } = state
  if (matches === undefined) return state
  for (let row = cursor + step; row >= 0 && row < rows.length; row += step)
    if (matches.found[rows[row]!] === 2) return choose(state, { path: rows[row]!, pane: 'tree' })
  return state
}

function openPage(state: State, page: ExplorerState['page']): State {
  return choose(state, { page: state.page === page ? 'tree' : page, pageTop: 0 })
}

/** Keys in the line where a search is typed. */
function type(state: State, key: Key): State {
  switch (key) {
    case 'escape':
      return choose(state, { isTyping: false, filter: '' })
    case 'enter':
    case 'tab':
    case 'down':
    case 'ctrl-f':
      return choose(state, { isTyping: false })
    case 'backspace':
      return choose(state, { filter: [...state.filter].slice(0, -1).join('') })
    case 'ctrl-u':
      return choose(state, { filter: '' })
    default:
      return [...key].length === 1 ? choose(state, { filter: state.filter + key }) : state
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value))
}
