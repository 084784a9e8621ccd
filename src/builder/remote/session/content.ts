import { content } from '../../../buildkit/index.ts'
import { GrpcError, type Handlers, statusCodes, streaming, unary } from '../../../net/grpc/index.ts'
import type { Bytes } from '../../../support/index.ts'

/** Blobs under a name of the session. What is missing is refused. */
export interface OfferedContent {
  /** Returns the blob's size; undefined if it is not there, or not to be read. */
  readonly size?: (digest: string) => number | undefined
  /** Returns the blob's bytes from an offset on. */
  readonly open?: (digest: string, offset: number, length: number) => Bytes | Promise<Bytes>
  /** Begins to take a blob; undefined if it is there already. */
  readonly write?: (digest: string, total: number) => IncomingBlob | undefined
}

/** A blob that is being written. */
export interface IncomingBlob {
  add(data: Uint8Array): Promise<void>
  /** Called when all of it is there. Rejects if it is not what it should be. */
  commit(): Promise<void>
  /** Called if it does not get that far. */
  abandon(): void
}

interface Open {
  readonly blob: IncomingBlob
  readonly digest: string
  readonly total: number
  offset: number
}

const { method } = content.Content
const pieceSize = 1 << 20

/** Gives and takes blobs, as containerd's content service does. `find` takes the name of a store; others are refused. */
export function contentService(find: (store: string) => OfferedContent | undefined): Handlers {
  const open = new Map<string, Open>()
  const offered = (metadata: Readonly<Record<string, unknown>>): OfferedContent => {
    const name = String(metadata['buildkit-attachable-store-id'] ?? '')
    const found = find(name)
    if (found === undefined)
      throw new GrpcError(statusCodes.notFound, `no blobs are offered as ${JSON.stringify(name)}`)
    return found
  }
  const sizeOf = ({ size }: OfferedContent, digest: string): number => {
    const found = size?.(digest)
    if (found === undefined) throw new GrpcError(statusCodes.notFound, `content ${digest}: not found`)
    return found
  }
  return [
    unary(method.info, ({ digest }, { metadata }) => ({
      info: { digest, size: BigInt(sizeOf(offered(metadata), digest)) },
    })),
    // Labels are for the garbage collection of a store that has one.
    unary(method.update, ({ info }, { metadata }) => {
      const { digest = '' } = info ?? {}
      return { info: { digest, size: BigInt(sizeOf(offered(metadata), digest)) } }
    }),
    streaming(method.read, async ({ metadata, requests, send }) => {
      for await (const { digest, offset, size } of requests) {
        const from = offered(metadata)
        const at = Number(offset)
        const left = sizeOf(from, digest) - at
        if (left < 0) throw new GrpcError(statusCodes.outOfRange, `offset ${at} is beyond the end of ${digest}`)
        const length = size > 0n ? Math.min(Number(size), left) : left
        let sent = 0
        for await (const chunk of await from.open!(digest, at, length))
          for (let i = 0; i < chunk.length; i += pieceSize) {
            const data = chunk.subarray(i, i + pieceSize)
            await send({ offset: BigInt(at + sent), data })
            sent += data.length
          }
        return
      }
    }),
    unary(method.status, ({ ref }) => {
      const found = open.get(ref)
      if (found === undefined) throw new GrpcError(statusCodes.notFound, `nothing is being written as ${ref}`)
      return { status: { ref, offset: BigInt(found.offset), total: BigInt(found.total), expected: found.digest } }
    }),
    streaming(method.write, async ({ metadata, requests, send }) => {
      const { write } = offered(metadata)
      if (write === undefined) throw new GrpcError(statusCodes.permissionDenied, 'these blobs are only to be read')
      let at: Open | undefined
      let name = ''
      try {
        for await (const { action, ref, total, expected, offset, data } of requests) {
          if (at === undefined) {
            const blob = write(expected, Number(total))
            if (blob === undefined)
              throw new GrpcError(statusCodes.alreadyExists, `content ${expected}: already exists`)
            at = { blob, digest: expected, total: Number(total), offset: 0 }
            name = ref
            open.set(name, at)
          }
          if (data.length > 0) {
            if (Number(offset) !== at.offset)
              throw new GrpcError(statusCodes.outOfRange, `offset ${offset} instead of ${at.offset}`)
            if (at.offset + data.length > at.total)
              throw new GrpcError(statusCodes.outOfRange, `${at.digest} is longer than it was said to be`)
            await at.blob.add(data)
            at.offset += data.length
          }
          const isWhole = action === content.WriteAction.COMMIT
          if (isWhole) {
            if (at.offset !== at.total) throw new GrpcError(statusCodes.failedPrecondition, `${at.digest} is cut off`)
            await at.blob.commit()
          }
          const { offset: now, total: all, digest } = at
          if (isWhole) {
            open.delete(name)
            at = undefined
          }
          await send({ action, offset: BigInt(now), total: BigInt(all), ...(isWhole ? { digest } : {}) })
          if (isWhole) return
        }
      } finally {
        if (at !== undefined) {
          open.delete(name)
          at.blob.abandon()
        }
      }
    }),
  ]
}
