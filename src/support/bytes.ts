import { createHash, type Hash } from 'node:crypto'

/** A byte stream, read once from front to back. Every Node Readable is one. */
export type Bytes = AsyncIterable<Uint8Array>

/** Counts and hashes (SHA-256) the bytes passed to it. */
export class Gauge {
  size = 0
  private readonly hash: Hash = createHash('sha256')

  add(chunk: Uint8Array): void {
    this.size += chunk.length
    this.hash.update(chunk)
  }

  /** Returns `sha256:<hex>` of everything added. Can be called only once. */
  digest(): `sha256:${string}` {
    return `sha256:${this.hash.digest('hex')}`
  }
}

/** Passes bytes through unchanged while `gauge` measures them. */
export async function* measured(bytes: Bytes, gauge: Gauge): Bytes {
  for await (const chunk of bytes) {
    gauge.add(chunk)
    yield chunk
  }
}

/** Reads the whole stream into one buffer. Throws a RangeError beyond `limit` bytes: only data known to be small may be buffered. */
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

/** Returns a stream of bytes that are already in memory. */
export async function* flow(...chunks: readonly Uint8Array[]): Bytes {
  for (const chunk of chunks) if (chunk.length > 0) yield chunk
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes a file name or text from bytes. Bytes that are not UTF-8 become lone surrogates U+DC80…U+DCFF (Python's surrogateescape), so that
 * `encodeName` restores the exact bytes.
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

/** Returns the length of the character starting at `at`, or 0 if the bytes are not valid UTF-8. (RFC 3629, section 4) */
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

/** Encodes a name that `decodeName` produced. */
export function encodeName(name: string): Buffer {
  if (!escapedByte.test(name)) return Buffer.from(name, 'utf8')
  const parts = name.split(escapedBytes)
  return Buffer.concat(
    parts.map((part, i) => (i % 2 ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part, 'utf8'))),
  )
}

/** Replaces invalid characters with U+FFFD, as Go does for bytes that are not UTF-8. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** Returns a path for Node's fs functions: a string, or bytes if the path is not UTF-8. */
export function systemPath(path: string): string | Buffer {
  return escapedByte.test(path) ? encodeName(path) : path
}

/** Compares names by their bytes, like Go and `LC_ALL=C sort`. JavaScript's own order differs beyond the Basic Multilingual Plane. */
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

/** Sorts names by their bytes, in place. Uses JavaScript's much faster string order, which differs only beyond U+D800. */
export function sortNames(names: string[]): string[] {
  return names.some((name) => beyondPlane.test(name)) ? names.sort(compareNames) : names.sort()
}
