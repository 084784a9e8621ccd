import { fitWidth, textWidth } from '../text/width.ts'
import { drawLayers, fill } from './draw-layers.ts'
import { drawTree } from './draw-tree.ts'
import { keyLine } from './key-lines.ts'
import { smallest } from './layout.ts'
import type { State } from './state.ts'
import { cut, shownName, type Theme } from './theme.ts'

/** The lines of the screen, each as wide as it is. */
export function drawScreen(state: State, theme: Theme): readonly string[] {
  const { columns, rows, left, right } = state.layout
  if (columns < smallest.columns || rows < smallest.rows)
    return fill([cut('Too small: q quits', columns, theme)], rows).map((line) => fitWidth(line, columns))
  const body = rows - 2
  const sides = [left === 0 ? [] : drawLayers(state, theme), right === 0 ? [] : drawTree(state, theme)]
  const [layers, tree] = sides.map((lines) => fill(lines, body))
  return [
    ...layers!.map((line, i) => {
      if (right === 0) return fitWidth(line, left)
      const shown = fitWidth(tree![i]!, right)
      // Terminals disagree about the width of some characters: the right side starts where it should nevertheless.
      return left === 0 ? shown : `${fitWidth(line, left)}\x1b[${left + 1}G${theme.glyphs.vertical}${shown}`
    }),
    fitWidth(statusLine(state, theme), columns),
    fitWidth(keyLine(state, columns, theme), columns),
  ]
}

/** The search, or what is marked. */
function statusLine(state: State, theme: Theme): string {
  const { filter, isTyping, view, matches, layout, pane } = state
  const { counts } = view
  if (isTyping || filter !== '') {
    const told = matches === undefined ? '' : `  ${matches.count} found`
    const typed = shownName(filter)
    const room = layout.columns - textWidth(told) - 10
    // Of a long text, its end is what is being typed.
    const shown =
      textWidth(typed) <= room ? typed : `${theme.glyphs.ellipsis}${[...typed].slice(-Math.max(1, room - 2)).join('')}`
    return ` ${theme.bold('Search:')} ${shown}${isTyping ? theme.selected(' ') : ''}${told}`
  }
  // In the tree, with the keys that hide them.
  const key = (name: string) => (pane === 'tree' ? `${theme.bold(name)} ` : '')
  return [
    ` ${key('^A')}${theme.added(`+${counts.added} added`)}`,
    `${key('^M')}${theme.changed(`~${counts.changed} changed`)}  ${theme.rewritten(`=${counts.rewritten} rewritten`)}`,
    `${key('^R')}${theme.removed(`-${counts.removed} removed`)}`,
    `${key('^U')}${counts.same} same`,
  ].join('  ')
}
