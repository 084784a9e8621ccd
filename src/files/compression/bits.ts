/** The input ended before the compressed data did. */
export class OutOfBits extends Error {}

/** Reads bits from a buffer, the highest of each byte first. */
export class BitReader {
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private held = 0
  private count = 0

  /** Number of whole bytes left, not counting partly read ones. */
  get available(): number {
    return this.bytes.length - this.at
  }

  append(bytes: Uint8Array): void {
    this.bytes = this.available === 0 ? bytes : Buffer.concat([this.bytes.subarray(this.at), bytes])
    this.at = 0
  }

  /** Reads up to 24 bits as a number. */
  read(size: number): number {
    this.need(size)
    this.count -= size
    return (this.held >>> this.count) & ((1 << size) - 1)
  }

  read32(): number {
    return (this.read(16) << 16) | this.read(16)
  }

  /** Returns the next bits without consuming them; zeros beyond the end. */
  peek(size: number): number {
    while (this.count < size) {
      this.held = (this.held << 8) | (this.at < this.bytes.length ? this.bytes[this.at]! : 0)
      // Bits beyond the end may be peeked at, but not consumed.
      this.at += 1
      this.count += 8
    }
    return (this.held >>> (this.count - size)) & ((1 << size) - 1)
  }

  /** Consumes bits returned by `peek`. */
  skip(size: number): void {
    this.count -= size
    if (this.at - (this.count >> 3) > this.bytes.length) throw new OutOfBits()
  }

  /** Skips to the next whole byte. */
  align(): void {
    this.at -= this.count >> 3
    this.count = 0
  }

  private need(size: number): void {
    while (this.count < size) {
      if (this.at >= this.bytes.length) throw new OutOfBits()
      this.held = (this.held << 8) | this.bytes[this.at++]!
      this.count += 8
    }
  }
}
