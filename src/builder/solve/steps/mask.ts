/** Replaces a secret's value in output. */
export const masked = '***'

/**
 * Masks secrets in streamed text: whatever may be the beginning of one is held back until more text arrives. `end` returns the
 * rest.
 */
export class Mask {
  private readonly secrets: readonly string[]
  private held = ''

  constructor(secrets: readonly string[]) {
    // Longest first, since one may contain another.
    this.secrets = [...secrets].filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  }

  take(text: string): string {
    if (this.secrets.length === 0) return text
    let rest = this.held + text
    let told = ''
    for (;;) {
      const { at, length } = this.find(rest)
      const cut = rest.length - this.secrets.reduce((most, secret) => Math.max(most, overlap(rest, secret)), 0)
      // Something that may become a secret with the next text, starting no later than the one found.
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

  /** Returns the first secret in the text, or the text's end if there is none. */
  private find(text: string): { readonly at: number; readonly length: number } {
    let best = { at: text.length, length: 0 }
    for (const secret of this.secrets) {
      const at = text.indexOf(secret)
      if (at >= 0 && at < best.at) best = { at, length: secret.length }
    }
    return best
  }
}

/** Masks secrets in a text that is complete. */
export function maskedIn(text: string, secrets: readonly string[]): string {
  const mask = new Mask(secrets)
  return mask.take(text) + mask.end()
}

/** Returns how much of the text's end is the beginning of the secret. */
function overlap(text: string, secret: string): number {
  for (let count = Math.min(text.length, secret.length - 1); count > 0; count--)
    if (text.endsWith(secret.slice(0, count))) return count
  return 0
}
