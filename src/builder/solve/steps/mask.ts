/** What a secret's value becomes where it was printed. */
export const masked = '***'

/**
 * Text that flows, without secrets: what could be the beginning of one is held back until more has come. `end` gives the
 * rest.
 */
export class Mask {
  private readonly secrets: readonly string[]
  private held = ''

  constructor(secrets: readonly string[]) {
    // The longest first: one may hold another.
    this.secrets = [...secrets].filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  }

  take(text: string): string {
    if (this.secrets.length === 0) return text
    let rest = this.held + text
    let told = ''
    for (;;) {
      const { at, length } = this.find(rest)
      const cut = rest.length - this.secrets.reduce((most, secret) => Math.max(most, overlap(rest, secret)), 0)
      // What may become a secret with the next text, and begins no later than one that is there already.
      if (cut <= at) {
        this.held = rest.slice(cut)
        return told + rest.slice(0, cut)
      }
      told += rest.slice(0, at) + masked
      rest = rest.slice(at + length)
    }
  }

  end(): string {
    let rest = this.held
    this.held = ''
    for (const secret of this.secrets) rest = rest.replaceAll(secret, masked)
    return rest
  }

  /** The first secret in the text; the text's end where there is none. */
  private find(text: string): { readonly at: number; readonly length: number } {
    let best = { at: text.length, length: 0 }
    for (const secret of this.secrets) {
      const at = text.indexOf(secret)
      if (at >= 0 && at < best.at) best = { at, length: secret.length }
    }
    return best
  }
}

/** How much of the text's end is the secret's beginning. */
function overlap(text: string, secret: string): number {
  for (let count = Math.min(text.length, secret.length - 1); count > 0; count--)
    if (text.endsWith(secret.slice(0, count))) return count
  return 0
}
