import { filesync } from '../../../buildkit/index.ts'
import { GrpcError, type Handlers, statusCodes, streaming } from '../../../net/grpc/index.ts'
import type { Bytes } from '../../../support/index.ts'

/** The bytes that an exporter sends. */
export interface Incoming {
  /** Takes them; called once. Resolves when it has all it wants. */
  take(bytes: Bytes): Promise<void>
}

/** Takes a build's result; only once. */
export function receiveService(incoming: Incoming): Handlers {
  let begun = false
  return [
    streaming(filesync.FileSend.method.diffCopy, async ({ requests }) => {
      if (begun) throw new GrpcError(statusCodes.failedPrecondition, 'the result has already been sent')
      begun = true
      await incoming.take(bytesOf(requests))
    }),
  ]
}

async function* bytesOf(messages: AsyncIterable<filesync.BytesMessage>): Bytes {
  for await (const { data } of messages) yield data
}
