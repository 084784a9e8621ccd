import { isDirectory, type Mark, marks, pathOf } from '../../explorer/index.ts'
import { humanSize } from '../text/human.ts'
import { fitWidth } from '../text/width.ts'
import { modeText } from '../verbs/contents/long-lines.ts'
import { fill } from './draw-layers.ts'
import { helpLines } from './key-lines.ts'
import { showsAttributes } from './press-key.ts'
import { isOpen, type State } from './state.ts'
import { cut, heading, shownName, type Theme } from './theme.ts'

const signs: Readonly<Record<Mark, string>> = {
  ...{ same: ' ', added: '+', changed: '~', rewritten: '=', removed: '-', absent: ' ' },
}

/** The right side: the tree, and details of the path under the cursor; or another page. */
export function drawTree(state: State, theme: Theme): readonly string[] {
  const { layout, page, pane } = state
  const isActive = pane === 'tree' || page !== 'tree'
  const lines = [heading(titleOf(state), layout.right, isActive, theme)]
  if (page === 'help') return [...lines, ...fill(helpLines(layout.right, theme), layout.tree + detailRows(state))]
  if (page === 'wasted') return [...lines, ...fill(wastedLines(state, theme), layout.tree + detailRows(state))]
  lines.push(...fill(treeLines(state, theme), layout.tree))
  if (layout.fileDetails === 0) return lines
  return [
    ...lines,
    theme.glyphs.horizontal.repeat(layout.right),
    ...fill(pathDetails(state, theme), layout.fileDetails),
  ]
}

function detailRows({ layout }: State): number {
  return layout.fileDetails === 0 ? 0 : layout.fileDetails + 1
}

function titleOf({ page, layer, aggregated, hidden, bySize }: State): string {
  if (page === 'help') return 'Keys'
  if (page === 'wasted') return 'Wasted: files that later layers replaced or removed'
  const of = aggregated && layer > 2 ? `layers 2 to ${layer}` : `layer ${layer}`
  const filters = [...(hidden.size === 0 ? [] : [`without ${[...hidden].join(', ')}`]), ...(bySize ? ['by size'] : [])]
  return [aggregated && layer < 2 ? 'Layer 1, which all changes follow' : `Changes of ${of}`, ...filters].join(', ')
}

function treeLines(state: State, theme: Theme): readonly string[] {
  const { rows, top, layout, view } = state
  if (rows.length === 0) {
    const total = Object.values(view.counts).reduce((sum, count) => sum + count, 0)
    return [total === 0 && state.filter === '' ? ' Nothing is there.' : ' Nothing matches.']
  }
  const shown = [...rows.subarray(top, top + layout.tree)]
  return shown.map((path, i) => treeLine(state, path, top + i === state.cursor, theme))
}

function treeLine(state: State, path: number, isSelected: boolean, theme: Theme): string {
  const { view, layout, image } = state
  const { paths } = image
  const made = view.change[path]!
  const own = marks[view.mark[path]!]!
  // A directory with changes in it is not the same either.
  const mark = own === 'same' && view.changesBelow[path]! > 0 ? 'changed' : own
  const isFolder = isDirectory(view, path)
  const indent = '  '.repeat(Math.min(paths.depth[path]! - 1, Math.floor(layout.right / 4)))
  const fold = !isFolder ? ' ' : isOpen(state, view, path) ? theme.glyphs.open : theme.glyphs.closed
  const size = humanSize(sizeOf(state, path), 3).padStart(7)
  const attributes = showsAttributes(state) ? `${attributesOf(state, made)} ` : ''
  const name = `${shownName(paths.name[path]!)}${isFolder ? '/' : ''}${targetOf(state, made, theme)}`
  const line = cut(`${signs[mark]} ${attributes}${size} ${indent}${fold} ${name}`, layout.right, theme)
  if (isSelected) return (state.pane === 'tree' ? theme.selected : theme.bold)(fitWidth(line, layout.right))
  return mark === 'same' || mark === 'absent' ? line : theme[mark](line)
}

/** A further name of a file shows its size as well, although directories count it once. */
function sizeOf({ view, image }: State, path: number): number {
  return view.total[path]! || image.changes.size[view.change[path]!]!
}

// (`ChangeColumns.type`)
const types = ['file', 'directory', 'symlink', 'char', 'block', 'fifo'] as const

function attributesOf({ image, ownerWidth }: State, made: number): string {
  const { type, mode, owner } = image.changes
  const [uid, gid] = image.owners[owner[made]!]!
  return `${modeText({ type: types[type[made]!]!, mode: mode[made]! })} ${`${uid}:${gid}`.padEnd(ownerWidth)}`
}

function targetOf({ image }: State, made: number, { glyphs }: Theme): string {
  const target = image.targets[made]
  return target === undefined ? '' : ` ${glyphs.arrow} ${shownName(target)}`
}

/** The whole path under the cursor, and what is known of it. */
function pathDetails(state: State, theme: Theme): readonly string[] {
  const { rows, path, view, image, layout, explored } = state
  if (rows.length === 0) return []
  const made = view.change[path]!
  const mark = marks[view.mark[path]!]!
  const below = view.changesBelow[path]!
  const isNew = mark === 'added' || mark === 'removed'
  const told = [
    attributesOf(state, made).trimEnd(),
    `${sizeOf(state, path)} bytes`,
    `${mark === 'same' ? '' : `${mark}, `}layer ${image.changes.layer[made]!}`,
    timeText(image.changes.modified[made]!),
    ...(below === 0 || isNew ? [] : [`${below} change${below === 1 ? '' : 's'} in it`]),
  ]
  const name = `${shownName(pathOf(explored.tree, path))}${targetOf(state, made, theme)}`
  return [cut(` ${name}`, layout.right, theme), cut(` ${told.join(` ${theme.glyphs.dot} `)}`, layout.right, theme)]
}

function timeText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime())
    ? `@${seconds}`
    : date
        .toISOString()
        .replace(/\.\d+Z$/, '')
        .replace('T', ' ')
}

function wastedLines({ image, layout, pageTop }: State, theme: Theme): readonly string[] {
  if (image.wastedPaths.length === 0) return [' Nothing is wasted.']
  return image.wastedPaths
    .slice(pageTop, pageTop + layout.tree)
    .map(({ path, size, copies, became }) =>
      cut(
        ` ${humanSize(size, 3).padStart(7)} ${String(copies).padStart(3)}x ${became.padEnd(8)} /${shownName(path)}`,
        layout.right,
        theme,
      ),
    )
}
