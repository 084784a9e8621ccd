import { createHash, type Hash } from 'node:crypto'

/** Bytes that flow: read once, front to back. Every Node Readable already is one. */
export type Bytes = AsyncIterable<Uint8Array>

/** Keeps count of bytes that pass: their number and their sha256. */
export class Gauge {
  size = 0
  private readonly hash: Hash = createHash('sha256')

  add(chunk: Uint8Array): void {
    this.size += chunk.length
    this.hash.update(chunk)
  }

  /** `sha256:<hex>` of all that was added. Call once. */
  digest(): `sha256:${string}` {
    return `sha256:${this.hash.digest('hex')}`
  }
}

/** Passes the bytes through and lets the gauge see them. */
export async function* measured(bytes: Bytes, gauge: Gauge): Bytes {
  for await (const chunk of bytes) {
    gauge.add(chunk)
    yield chunk
  }
}

/** `sha256:<hex>` of bytes in memory. */
export function sha256(bytes: Uint8Array | string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** All the bytes as one buffer. Throws a RangeError past `limit`: what is read whole has to be known to be small. */
export async function collect(bytes: Bytes, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > limit) throw new RangeError(`more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Bytes in memory as a flow. */
export async function* flow(...chunks: readonly Uint8Array[]): Bytes {
  for (const chunk of chunks) if (chunk.length > 0) yield chunk
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A file name, or a text, as a string. Both are bytes; a byte that is not UTF-8 becomes a lone surrogate U+DC80…U+DCFF (as in
 * Python's surrogateescape), so that `encodeName` gives back the very bytes.
 */
export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return decodeLoosely(bytes)
  }
}

function decodeLoosely(bytes: Uint8Array): string {
  let text = ''
  let from = 0
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i)
    if (length === 0) {
      text += utf8.decode(bytes.subarray(from, i)) + String.fromCharCode(0xdc00 + bytes[i]!)
      from = i + 1
    }
    i += Math.max(length, 1)
  }
  return text + utf8.decode(bytes.subarray(from))
}

/** Length of the character that begins there; 0 where none does. (RFC 3629, section 4) */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const second = bytes[at + 1] ?? 0
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  for (let i = 2; i < length; i++) if ((bytes[at + i] ?? 0) >> 6 !== 0b10) return 0
  return length
}

const escapedByte = /(?<![\ud800-\udbff])[\udc80-\udcff]/
const escapedBytes = /(?<![\ud800-\udbff])([\udc80-\udcff])/

/** The bytes of a name that `decodeName` made. */
export function encodeName(name: string): Buffer {
  if (!escapedByte.test(name)) return Buffer.from(name, 'utf8')
  const parts = name.split(escapedBytes)
  return Buffer.concat(
    parts.map((part, i) => (i % 2 ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part, 'utf8'))),
  )
}

/** The text with U+FFFD for what is no character, as Go writes it where bytes are not UTF-8. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** A path as the system wants it: a string, or the bytes where they are not UTF-8. */
export function systemPath(path: string): string | Buffer {
  return escapedByte.test(path) ? encodeName(path) : path
}

/** Orders names by their bytes, as Go and `LC_ALL=C sort` do; a string's own order differs beyond the Basic Multilingual Plane. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    if (x < 0xd800 && y < 0xd800) return x - y
    return Buffer.compare(encodeName(a), encodeName(b))
  }
  return a.length - b.length
}

const beyondPlane = /[\ud800-\uffff]/

/** Sorts names by their bytes, in place. A string's own order, which is much faster to sort by, differs only beyond U+D800. */
export function sortNames(names: string[]): string[] {
  return names.some((name) => beyondPlane.test(name)) ? names.sort(compareNames) : names.sort()
}
