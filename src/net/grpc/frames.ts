import { GrpcError, statusCodes } from './status.ts'

/** The largest message that is sent or taken, as in BuildKit. */
export const messageLimit = 16 << 20

const headLength = 5

/** Returns a message as it goes over the wire: one byte for compression (none), four for the length, the bytes. */
export function frame(bytes: Uint8Array): Buffer {
  if (bytes.length > messageLimit) throw tooLarge(bytes.length)
  const framed = Buffer.allocUnsafe(headLength + bytes.length)
  framed[0] = 0
  framed.writeUInt32BE(bytes.length, 1)
  framed.set(bytes, headLength)
  return framed
}

/** Cuts a stream of bytes into messages. Throws a `GrpcError` for what is too large, compressed, or ends within a message. */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let waiting: Uint8Array[] = []
  let held = 0
  let wanted = headLength
  let head: Buffer | undefined
  for await (const chunk of chunks) {
    waiting.push(chunk)
    held += chunk.length
    while (held >= wanted) {
      const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting)
      const part = Buffer.from(all.buffer, all.byteOffset, wanted)
      waiting = all.length === wanted ? [] : [all.subarray(wanted)]
      held -= wanted
      if (head === undefined) {
        if (part[0] !== 0) throw new GrpcError(statusCodes.internal, 'a compressed message, which nobody asked for')
        const length = part.readUInt32BE(1)
        if (length > messageLimit) throw tooLarge(length)
        head = part
        wanted = length
      } else {
        yield part
        head = undefined
        wanted = headLength
      }
    }
  }
  if (held > 0 || head !== undefined) throw new GrpcError(statusCodes.unavailable, 'the stream ends within a message')
}

function tooLarge(length: number): GrpcError {
  return new GrpcError(
    statusCodes.resourceExhausted,
    `a message of ${length} bytes, and at most ${messageLimit} are allowed`,
  )
}
