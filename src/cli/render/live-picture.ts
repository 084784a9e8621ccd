import type { ProgressOutput } from './renderer.ts'

/** Milliseconds between two frames. */
export const frame = 100

const hideCursor = '\x1b[?25l'
const showCursor = '\x1b[?25h'
const clearToLineEnd = '\x1b[K'
const clearBelow = '\x1b[J'

/**
 * Lines that are redrawn in place. Each frame is a single write that overwrites the previous one without clearing it first, so
 * that nothing flickers. The cursor is hidden meanwhile and restored in any case, even if the process ends early.
 */
export class LivePicture {
  /** When it was last drawn. */
  drawnAt = 0
  private readonly output: Pick<ProgressOutput, 'write' | 'now'>
  private readonly restore = (): void => this.output.write(showCursor)
  private lines = 0

  constructor(output: Pick<ProgressOutput, 'write' | 'now'>) {
    this.output = output
    process.on('exit', this.restore)
  }

  /** `final`: the last frame, which stays. */
  draw(lines: readonly string[], final = false): void {
    const up = this.lines > 0 ? `\x1b[${this.lines}A\r` : ''
    const text = lines.map((line) => `${line}${clearToLineEnd}\n`).join('')
    this.output.write(`${hideCursor}${up}${text}${clearBelow}${final ? showCursor : ''}`)
    this.lines = lines.length
    this.drawnAt = this.output.now()
  }

  /** Clears the frame to print permanent text; the next frame is drawn below it. */
  interject(text: string): void {
    const away = this.lines > 0 ? `\x1b[${this.lines}A\r${clearBelow}` : ''
    this.output.write(`${away}${text}`)
    this.lines = 0
  }

  close(): void {
    process.off('exit', this.restore)
  }
}
