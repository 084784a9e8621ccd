import type { InputStream, OutputStream } from '../streams.ts'

// The alternate screen, no cursor, no wrapping in the last column.
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
const leave = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l'

/** A terminal that is drawn on as a whole. However the process ends, the terminal is left as it was. */
export class Screen {
  private readonly input: InputStream
  private readonly output: OutputStream
  private drawn: readonly string[] = []
  private isOpen = false
  private readonly close = (): void => this.leave()

  constructor(input: InputStream, output: OutputStream) {
    this.input = input
    this.output = output
  }

  /** Also after somebody else may have changed the terminal. */
  enter(): void {
    if (!this.isOpen) process.on('exit', this.close)
    this.isOpen = true
    // Node remembers the mode, and would not set it again after a shell has reset it.
    this.input.setRawMode?.(false)
    this.input.setRawMode?.(true)
    this.input.resume()
    this.output.write(enter)
    this.drawn = []
  }

  leave(): void {
    if (!this.isOpen) return
    this.isOpen = false
    process.off('exit', this.close)
    this.output.write(leave)
    this.input.setRawMode?.(false)
    this.input.pause()
  }

  /** Writes the lines that are different now, at once. */
  draw(lines: readonly string[]): void {
    if (!this.isOpen) return
    const changed = lines.flatMap((line, i) => (line === this.drawn[i] ? [] : [`\x1b[${i + 1};1H${line}`]))
    if (changed.length > 0) this.output.write(changed.join(''))
    this.drawn = lines
  }

  /** Forgets what is on the screen. */
  clear(): void {
    if (!this.isOpen) return
    this.output.write('\x1b[2J')
    this.drawn = []
  }
}
