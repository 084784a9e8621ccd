import { colorsOf, printableOutput } from '../text/printable.ts'

/** A line that is safe to print. */
export interface OutputLine {
  readonly text: string
  readonly at: number
}

/** How many lines are kept besides the newest ones. */
const keptLines = 100
/** Longer lines are split, in UTF-16 units, so that a command's output cannot fill the memory. */
const longest = 1 << 16
/** Maximum number of attributes that are on at the same time. */
const mostColors = 7
/** Maximum length of a control sequence or character that may be cut. */
const longestSequence = 80

/**
 * A command's output as lines, in which `\r` and colors are the only terminal controls. Colors end with each line and are
 * restored on the next, so that no command can recolor the output of others.
 */
export class CommandOutput {
  /** The total number of lines. */
  count = 0
  private lines: readonly OutputLine[] = []
  private partial = ''
  /** The colors now on. */
  private colors: readonly string[] = []

  /** Adds a piece of output: lines and sequences may be cut anywhere. */
  take(text: string, at: number): void {
    const whole = (this.partial + text).split('\n').flatMap(pieces)
    this.partial = whole.pop()!
    this.lines = [...this.lines.slice(-keptLines), ...whole.map((line) => ({ text: this.shown(line), at }))]
    this.count += whole.length
  }

  /** Ends the output; an unfinished line becomes one. */
  end(at: number): void {
    if (this.partial !== '') this.take('\n', at)
  }

  /** Returns the last `count` lines: all of the newest piece and some before it are available. */
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

/** Splits a line into pieces that are not too long, none of which ends within a sequence or a character. */
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
