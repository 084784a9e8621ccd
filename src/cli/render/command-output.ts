import { colorsOf, printableOutput } from '../text/printable.ts'

/** A line that may be shown as it is. */
export interface OutputLine {
  readonly text: string
  readonly at: number
}

/** How many lines are kept besides those that came last. */
const keptLines = 100
/** A line that is longer is cut into several, in UTF-16 units: nothing that a command prints fills the memory. */
const longest = 1 << 16
/** Of colors that are on at the same time. */
const mostColors = 7
/** As far back as a sequence or a character that is cut may begin. */
const longestSequence = 80

/**
 * What a command prints, line by line, with only `\r` and colors left of what steers a terminal. A color ends with its line and is
 * taken up again on the next: no command paints over what others say.
 */
export class CommandOutput {
  /** How many lines there were in all. */
  count = 0
  private lines: readonly OutputLine[] = []
  private partial = ''
  /** Those that are on. */
  private colors: readonly string[] = []

  /** Takes a piece as it came: lines and sequences may be cut anywhere. */
  take(text: string, at: number): void {
    const whole = (this.partial + text).split('\n').flatMap(pieces)
    this.partial = whole.pop()!
    this.lines = [...this.lines.slice(-keptLines), ...whole.map((line) => ({ text: this.shown(line), at }))]
    this.count += whole.length
  }

  /** Nothing more will come: a line that has not ended is one, too. */
  end(at: number): void {
    if (this.partial !== '') this.take('\n', at)
  }

  /** The last `count` lines: all of the newest piece are there, and some of those before. */
  tail(count: number): readonly OutputLine[] {
    return count > 0 ? this.lines.slice(-count) : []
  }

  private shown(line: string): string {
    const before = this.colors.join('')
    for (const color of colorsOf(line)) {
      const kept = /^\x1b\[0*[;m]/.test(color) ? [] : this.colors.slice(-mostColors)
      this.colors = /^\x1b\[0*m$/.test(color) ? kept : [...kept, color]
    }
    return before + printableOutput(line) + (this.colors.length === 0 ? '' : '\x1b[0m')
  }
}

/** The line in parts that are not too long, none of which ends within a sequence or a character. */
function pieces(line: string): string[] {
  const parts: string[] = []
  let rest = line
  while (rest.length > longest) {
    const start = rest.lastIndexOf('\x1b', longest - 1)
    const isPair = /[\ud800-\udbff]/.test(rest[longest - 1]!)
    const end = start > longest - longestSequence ? start : isPair ? longest - 1 : longest
    parts.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return [...parts, rest]
}
