import { createHash, type Hash } from 'node:crypto'
import { sha256Here } from './sha256-here.ts'

// Loading node:crypto takes as long as hashing about this much without it, and longer than a quick command takes otherwise.
let budget = 16 << 10

/** Computes the SHA-256 of what is added to it; the first few kilobytes of a process do without node:crypto. */
export class Sha256 {
  private held: Buffer[] = []
  private size = 0
  private hash: Hash | undefined

  update(data: string | Uint8Array): this {
    if (this.hash === undefined) {
      if (this.size + sizeOf(data) > budget) this.leave()
      else this.hold(data)
    }
    this.hash?.update(data)
    return this
  }

  /** Returns hex digits. Can be called only once. */
  hex(): string {
    if (this.hash !== undefined) return this.hash.digest('hex')
    budget -= this.size + 64
    return sha256Here(this.held.length === 1 ? this.held[0]! : Buffer.concat(this.held))
  }

  private hold(data: string | Uint8Array): void {
    // The caller may overwrite its bytes.
    const bytes = Buffer.from(data as Uint8Array)
    this.size += bytes.length
    this.held.push(bytes)
  }

  private leave(): void {
    budget = 0
    this.hash = createHash('sha256')
    for (const bytes of this.held) this.hash.update(bytes)
    this.held = []
  }
}

/** At most so many bytes. */
function sizeOf(data: string | Uint8Array): number {
  return typeof data === 'string' ? data.length * 3 : data.length
}

/** Returns the SHA-256 of bytes in memory, as hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  if (sizeOf(data) <= budget) return new Sha256().update(data).hex()
  budget = 0
  return createHash('sha256').update(data).digest('hex')
}

/** Returns `sha256:<hex>` of bytes in memory. */
export function sha256(data: string | Uint8Array): `sha256:${string}` {
  return `sha256:${sha256Hex(data)}`
}
