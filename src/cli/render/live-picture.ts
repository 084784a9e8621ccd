import type { ProgressOutput } from './renderer.ts'

/** Between two pictures. Milliseconds. */
export const frame = 100

const hideCursor = '\x1b[?25l'
const showCursor = '\x1b[?25h'
const clearToLineEnd = '\x1b[K'
const clearBelow = '\x1b[J'

/**
 * Lines that are drawn over themselves. Each picture is one write that overwrites the lines of the last one without clearing them
 * first, so that nothing flickers. The cursor is hidden meanwhile and comes back on every way out, also when the process ends early.
 */
export class LivePicture {
  /** When it was drawn last. */
  drawnAt = 0
  private readonly output: Pick<ProgressOutput, 'write' | 'now'>
  private readonly restore = (): void => this.output.write(showCursor)
  private lines = 0

  constructor(output: Pick<ProgressOutput, 'write' | 'now'>) {
    this.output = output
    process.on('exit', this.restore)
  }

  /** `final`: the last picture, which stays. */
  draw(lines: readonly string[], final = false): void {
    const up = this.lines > 0 ? `\x1b[${this.lines}A\r` : ''
    const text = lines.map((line) => `${line}${clearToLineEnd}\n`).join('')
    this.output.write(`${hideCursor}${up}${text}${clearBelow}${final ? showCursor : ''}`)
    this.lines = lines.length
    this.drawnAt = this.output.now()
  }

  /** Takes the picture away for text that stays; the next picture is drawn below it. */
  interject(text: string): void {
    const away = this.lines > 0 ? `\x1b[${this.lines}A\r${clearBelow}` : ''
    this.output.write(`${away}${text}`)
    this.lines = 0
  }

  close(): void {
    process.off('exit', this.restore)
  }
}
