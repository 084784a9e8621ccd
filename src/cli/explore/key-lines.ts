import { textWidth } from '../text/width.ts'
import type { State } from './state.ts'
import { cut, type Theme } from './theme.ts'

type KeyHelp = readonly [key: string, label: string]

const always: readonly KeyHelp[] = [
  ['q', 'Quit'],
  ['?', 'Keys'],
]

/** The keys that do something now; as many as there is room for, those that matter most first. */
export function keyLine(state: State, width: number, theme: Theme): string {
  let line = ''
  let used = 0
  for (const [key, label] of keysOf(state)) {
    const needed = (used === 0 ? 0 : 2) + textWidth(key) + 1 + textWidth(label)
    if (used + needed > width) break
    line += `${used === 0 ? '' : '  '}${theme.bold(key)} ${label}`
    used += needed
  }
  return line
}

function keysOf({ isTyping, page, pane, filter }: State): readonly KeyHelp[] {
  if (isTyping)
    return [
      ['Enter', 'Keep'],
      ['Esc', 'Clear'],
      ['^U', 'Empty'],
      ['^C', 'Quit'],
    ]
  if (page !== 'tree')
    return [
      ['Esc', 'Back'],
      ['Up/Down', 'Scroll'],
      ['^C', 'Quit'],
    ]
  const search: readonly KeyHelp[] =
    filter === ''
      ? [['/', 'Find']]
      : [
          ['Esc', 'Clear'],
          ['n', 'Next'],
        ]
  if (pane === 'layers')
    return [...always, ['Tab', 'Files'], ...search, ['^L', 'Layer changes'], ['^A', 'All changes'], ['w', 'Wasted']]
  return [
    ...[...always, ['Tab', 'Layers'] as const, ...search, ['Space', 'Fold'] as const],
    ...([
      ['^B', 'Owners'],
      ['^O', 'By size'],
      ['w', 'Wasted'],
    ] as const),
  ]
}

const help: readonly KeyHelp[] = [
  ['Tab', 'go to the other side: layers or files'],
  ['Up Down j k', 'move by a line'],
  ['PgUp PgDn u d', 'move by a page'],
  ['Home End g G', 'go to the first or the last line'],
  ['/ or ^F', 'find paths by a regular expression, or else by text; Esc ends it'],
  ['n N', 'go to the next or previous path that was found'],
  ['w', 'show what is wasted'],
  ['q or ^C', 'quit'],
  ['', ''],
  ['^L', 'layers: mark what this layer changed'],
  ['^A', 'layers: mark what all layers above the first changed, up to this one'],
  ['', ''],
  ['Space', 'files: open or close a directory; Right and l open, Left and h close'],
  ['^Space', 'files: open or close all'],
  ['^A ^R ^M ^U', 'files: hide or show added, removed, changed, and those that are the same'],
  ['^B', 'files: modes and owners'],
  ['^O', 'files: by size or by name'],
  ['', ''],
  ['+ ~ = -', 'added, changed, written again as it was, removed'],
]

export function helpLines(width: number, theme: Theme): readonly string[] {
  return help.map(
    ([key, label]) =>
      ` ${theme.bold(cut(key.padEnd(14), width - 2, theme))} ${cut(label, Math.max(0, width - 17), theme)}`,
  )
}
