import { printable } from '../text/printable.ts'
import { fitWidth, textWidth } from '../text/width.ts'

type Style = (text: string) => string

/** How text looks, and the characters besides letters. */
export interface Theme {
  readonly bold: Style
  readonly faint: Style
  readonly selected: Style
  readonly added: Style
  readonly changed: Style
  readonly rewritten: Style
  readonly removed: Style
  readonly glyphs: typeof drawn
}

const drawn = {
  vertical: '│',
  horizontal: '─',
  open: '▾',
  closed: '▸',
  active: '●',
  ellipsis: '…',
  arrow: '→',
  dot: '·',
}
const typed: typeof drawn = {
  ...{ vertical: '|', horizontal: '-', open: 'v', closed: '>', active: '*', ellipsis: '~', arrow: '->', dot: '-' },
}

const plain: Style = (text) => text
const sgr =
  (code: number): Style =>
  (text) =>
    `\x1b[${code}m${text}\x1b[0m`

/** What a terminal shows, as its user has set it up. Without colors, signs alone tell changes apart. */
export function themeOf(env: NodeJS.ProcessEnv): Theme {
  const colored = (code: number) => ((env['NO_COLOR'] ?? '') === '' ? sgr(code) : plain)
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((one) => one !== undefined && one !== '')
  return {
    ...{ bold: sgr(1), faint: sgr(2), selected: sgr(7) },
    ...{ added: colored(32), changed: colored(33), rewritten: colored(36), removed: colored(31) },
    glyphs: locale === undefined || /utf-?8/i.test(locale) ? drawn : typed,
  }
}

/** A foreign name in one line. Bytes that are not UTF-8, which names have as lone surrogates, are escaped like control characters. */
export function shownName(text: string): string {
  return printable(text)
    .replaceAll('\t', '\\x09')
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (unit) => {
      const code = unit.charCodeAt(0)
      return code >= 0xdc80 && code <= 0xdcff ? `\\x${(code - 0xdc00).toString(16)}` : `\\u${code.toString(16)}`
    })
}

/** Cuts a text without colors to a width, and shows that it is cut. */
export function cut(text: string, width: number, { glyphs }: Theme): string {
  if (textWidth(text) <= width) return text
  return width <= 0 ? '' : `${fitWidth(text, width - 1).trimEnd()}${glyphs.ellipsis}`
}

/** Breaks a text into lines, anywhere; the last one that there is room for is cut. */
export function wrap(text: string, width: number, lines: number, theme: Theme): readonly string[] {
  const found: string[] = []
  let rest = text
  while (rest !== '' && found.length < lines && width > 0) {
    if (found.length === lines - 1 || textWidth(rest) <= width) {
      found.push(cut(rest, width, theme))
      break
    }
    const head = fitWidth(rest, width).trimEnd()
    // Only for a character that is wider than the line.
    if (head === '') break
    found.push(head)
    rest = rest.slice(head.length).trimStart()
  }
  return found
}

export function heading(text: string, width: number, isActive: boolean, theme: Theme): string {
  const { glyphs } = theme
  const title = ` ${isActive ? `${glyphs.active} ` : ''}${cut(text, width - 6, theme)} `
  const line = fitWidth(
    `${glyphs.horizontal}${title}${glyphs.horizontal.repeat(Math.max(0, width - 1 - textWidth(title)))}`,
    width,
  )
  return isActive ? theme.bold(line) : line
}
