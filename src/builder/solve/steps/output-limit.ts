/** How much of a command's output is shown and kept, for each of its two streams. */
export interface OutputLimits {
  /** In bytes; -1 for no limit. Default: 2 MiB, as in BuildKit. */
  readonly size?: number | undefined
  /** In bytes per second, on average since the command has started; -1 for no limit. BuildKit has 200 KiB. Default: -1. */
  readonly speed?: number | undefined
}

// Of what is left out, the end is shown when the command has ended: it says why it failed.
const endLength = 16 << 10

/**
 * Leaves out of a stream what exceeds the limits, as BuildKit does, with a note at that place. The command notices nothing: its output is
 * read at its own speed. (BuildKit, util/progress/logs)
 */
export class LimitedOutput {
  private readonly limits: OutputLimits
  private readonly now: () => number
  private readonly since: number
  private taken = 0
  private isClipping = false
  private left = ''
  private leftLength = 0

  /** `now`: milliseconds, from anywhere on. */
  constructor(limits: OutputLimits = {}, now: () => number = () => performance.now()) {
    this.limits = limits
    this.now = now
    this.since = now()
  }

  /** Returns what is shown of the text. */
  take(text: string): string {
    const before = this.taken
    const length = Buffer.byteLength(text)
    this.taken += length
    const { most, name } = this.limit()
    if (most < 0 || this.taken <= most) {
      this.isClipping = false
      return this.leftOut() + text
    }
    const shown = before < most ? beginning(text, most - before) : ''
    this.leave(text.slice(shown.length))
    if (this.isClipping) return shown
    this.isClipping = true
    return `${shown}\n[output clipped, log limit ${name} reached]\n`
  }

  /** Returns the end of what was left out last. */
  end(): string {
    return this.leftOut()
  }

  private leave(text: string): void {
    this.leftLength += text.length
    this.left = text.length >= endLength ? text.slice(-endLength) : (this.left + text).slice(-endLength)
  }

  private leftOut(): string {
    const { left, leftLength } = this
    this.left = ''
    this.leftLength = 0
    if (leftLength <= left.length) return left
    // From the beginning of a line, if there is one.
    const rest = left.slice(left.indexOf('\n') + 1)
    return `[the output goes on:]\n${rest}`
  }

  private limit(): { readonly most: number; readonly name: string } {
    const { size = 2 << 20, speed = -1 } = this.limits
    const bySpeed = speed < 0 ? -1 : Math.ceil((this.now() - this.since) / 1000) * speed
    if (bySpeed >= 0 && (size < 0 || bySpeed <= size)) return { most: bySpeed, name: `${bytes(speed)}/s` }
    return { most: size, name: bytes(size) }
  }
}

/** Returns as much of the text as fits in so many bytes. */
function beginning(text: string, length: number): string {
  const cut = Buffer.from(text).subarray(0, length).toString('utf8')
  // Part of a character has become another one.
  return text.startsWith(cut) ? cut : cut.slice(0, -1)
}

/** As BuildKit: `2MiB`, `200KiB`. */
function bytes(count: number): string {
  const power = count >= 1 << 30 ? 3 : count >= 1 << 20 ? 2 : count >= 1 << 10 ? 1 : 0
  return `${Number((count / 1024 ** power).toFixed(3))}${['B', 'KiB', 'MiB', 'GiB'][power]}`
}
