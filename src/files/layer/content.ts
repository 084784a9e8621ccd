import { createHash, type Hash, hash as hashAtOnce } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import type { Digest } from '../../oci/index.ts'
import { systemCode, systemPath, TareError } from '../../support/index.ts'
import type { Content, RegularFile } from '../tree/index.ts'

/** Reads contents from disk, keeping the last file open: consecutive contents usually come from the same archive or layer. */
export class ContentReader {
  private path = ''
  private fd = -1
  private readonly ahead: Buffer | undefined
  /** What of it is filled, and from where in the file. */
  private aheadAt = 0
  private aheadLength = 0

  /** `ahead`: for small contents that lie next to each other, as in a layer, up to so many bytes are read at once. */
  constructor({ ahead = 0 }: { readonly ahead?: number } = {}) {
    this.ahead = ahead > 0 ? Buffer.allocUnsafe(ahead) : undefined
  }

  /** Fills `into` with the content's bytes from `position`. Throws `CONTENT_CHANGED` if the file has become shorter. */
  read(content: Content, into: Uint8Array, position: number): void {
    if (content.kind === 'inline') {
      into.set(content.bytes.subarray(position, position + into.length))
      return
    }
    this.open(content.path)
    if (content.kind === 'extent') {
      this.fill(into, content.offset + position)
      return
    }
    into.fill(0)
    for (const run of content.runs) {
      const from = Math.max(run.position, position)
      const to = Math.min(run.position + run.length, position + into.length)
      if (from < to) this.fill(into.subarray(from - position, to - position), run.at + from - run.position)
    }
  }

  /**
   * Returns where the bytes of a small file lie in what was read ahead, and no copy of them: they stay there until the next call.
   * Undefined if they have to be read.
   */
  near(path: string, offset: number, size: number): { readonly bytes: Buffer; readonly at: number } | undefined {
    if (this.ahead === undefined || size > this.ahead.length / 2) return undefined
    this.open(path)
    return this.moveAhead(this.ahead, offset, size) ? { bytes: this.ahead, at: offset - this.aheadAt } : undefined
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd)
    this.fd = -1
    this.path = ''
    this.aheadLength = 0
  }

  private open(path: string): void {
    if (this.path === path) return
    this.close()
    try {
      this.fd = openSync(systemPath(path), 'r')
    } catch (cause) {
      throw new TareError(
        'CONTENT_UNREADABLE',
        `cannot read ${path}: ${systemCode(cause) === 'EACCES' ? 'permission denied' : (cause as Error).message}`,
        {
          cause,
          remedy: systemCode(cause) === 'EACCES' ? 'Make it readable, or exclude it with .dockerignore.' : undefined,
        },
      )
    }
    this.path = path
  }

  private fill(into: Uint8Array, at: number): void {
    if (this.ahead !== undefined && this.fillAhead(this.ahead, into, at)) return
    let done = 0
    while (done < into.length) {
      const count = readSync(this.fd, into, done, into.length - done, at + done)
      if (count === 0)
        throw new TareError('CONTENT_CHANGED', `${this.path} was truncated while being read`, {
          remedy: 'Build again once nothing writes to it.',
        })
      done += count
    }
  }

  private fillAhead(ahead: Buffer, into: Uint8Array, at: number): boolean {
    if (into.length > ahead.length / 2 || !this.moveAhead(ahead, at, into.length)) return false
    into.set(ahead.subarray(at - this.aheadAt, at - this.aheadAt + into.length))
    return true
  }

  private moveAhead(ahead: Buffer, at: number, length: number): boolean {
    if (at >= this.aheadAt && at + length <= this.aheadAt + this.aheadLength) return true
    this.aheadLength = readSync(this.fd, ahead, 0, ahead.length, at)
    this.aheadAt = at
    return this.aheadLength >= length
  }
}

const pieceSize = 1 << 20

/** Returns the file's SHA-256, reading the file if necessary. */
export function digestOf(file: RegularFile, reader = new ContentReader()): Digest {
  if (file.content.digest !== undefined) return file.content.digest
  const hash = createHash('sha256')
  try {
    for (const piece of pieces(file.content, file.size, reader)) hash.update(piece)
  } finally {
    reader.close()
  }
  const digest: Digest = `sha256:${hash.digest('hex')}`
  file.content.digest = digest
  return digest
}

/** Yields the content piece by piece; each piece is valid until the next one is requested. */
export function* pieces(content: Content, size: number, reader: ContentReader): Generator<Uint8Array> {
  if (content.kind === 'inline') {
    yield content.bytes
    return
  }
  const buffer = Buffer.allocUnsafe(Math.min(size, pieceSize))
  for (let position = 0; position < size; position += pieceSize) {
    const piece = buffer.subarray(0, Math.min(pieceSize, size - position))
    reader.read(content, piece, position)
    yield piece
  }
}

/** Returns the content of a small file. Throws a RangeError beyond `limit` bytes. */
export function readWhole(file: RegularFile, limit: number): Buffer {
  if (file.size > limit) throw new RangeError(`more than ${limit} bytes`)
  const reader = new ContentReader()
  try {
    const buffer = Buffer.alloc(file.size)
    reader.read(file.content, buffer, 0)
    return buffer
  } finally {
    reader.close()
  }
}

/** Whether two files have the same content, judged by their digests. */
export function sameContent(a: RegularFile, b: RegularFile): boolean {
  return a.size === b.size && (a.content === b.content || a.size === 0 || digestOf(a) === digestOf(b))
}

/** Computes SHA-256, optimized for content in a single piece. */
export class PieceSum {
  private readonly size: number
  private whole: string | undefined
  private parts: Hash | undefined

  constructor(size: number) {
    this.size = size
  }

  add(piece: Uint8Array): void {
    if (piece.length === this.size) {
      this.whole = hashAtOnce('sha256', piece)
      return
    }
    this.parts ??= createHash('sha256')
    this.parts.update(piece)
  }

  digest(): Digest {
    return `sha256:${this.whole ?? (this.parts ?? createHash('sha256')).digest('hex')}`
  }
}
