import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import {
  create,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { drained } from '../../support/index.ts'
import { pathOf } from './client.ts'
import { frame, readFrames } from './frames.ts'
import { encodeText, GrpcError, statusCodes } from './status.ts'

/** What is known of a call that is served. */
export interface CallContext {
  /** Names are in lower case; several values of one name are joined by `, `. */
  readonly metadata: IncomingHttpHeaders
  /** Fires when the caller gives up, or the connection ends. */
  readonly signal: AbortSignal
}

export interface ServerCall<Method extends DescMethod> extends CallContext {
  readonly requests: AsyncGenerator<MessageShape<Method['input']>, void, undefined>
  /** Resolves when there is room for more. */
  send(message: MessageInitShape<Method['output']>): Promise<void>
}

/** A method that is served. */
export interface Handler {
  readonly path: string
  serve(stream: ServerHttp2Stream, context: CallContext): Promise<void>
}

export type Handlers = readonly Handler[]

/** Serves a method that takes one message and returns one. */
export function unary<Method extends DescMethodUnary>(
  method: Method,
  answer: (
    request: MessageShape<Method['input']>,
    context: CallContext,
  ) => Promise<MessageInitShape<Method['output']>> | MessageInitShape<Method['output']>,
): Handler {
  return {
    path: pathOf(method),
    serve: async (stream, context) => {
      for await (const request of messagesOf(stream, method)) {
        await write(stream, frame(toBinary(method.output, create(method.output, await answer(request, context)))))
        return
      }
      throw new GrpcError(statusCodes.invalidArgument, 'the request is missing')
    },
  }
}

/** Serves a method with streams; the call ends when `serve` does. */
export function streaming<Method extends DescMethodStreaming>(
  method: Method,
  serve: (call: ServerCall<Method>) => Promise<void>,
): Handler {
  return {
    path: pathOf(method),
    serve: (stream, context) =>
      serve({
        ...context,
        requests: messagesOf(stream, method),
        send: (message) => write(stream, frame(toBinary(method.output, create(method.output, message)))),
      }),
  }
}

/** Serves these methods to the other side of a socket until it closes. Never rejects. */
export function serveGrpc(socket: Duplex, handlers: Handlers): { readonly closed: Promise<void>; close(): void } {
  const byPath = new Map(handlers.map((handler) => [handler.path, handler]))
  const session = performServerHandshake(socket, {
    settings: { initialWindowSize: 4 << 20 },
    // One entry per path of a COPY.
    maxHeaderListPairs: 65_536,
  })
  session.on('error', () => {})
  socket.on('error', () => {})
  session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    void serveCall(stream, headers, byPath.get(String(headers[':path'])))
  })
  const closed = new Promise<void>((resolve) => {
    session.once('close', resolve)
    if (session.destroyed) resolve()
  })
  return { closed, close: () => session.destroy() }
}

async function serveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handler: Handler | undefined,
): Promise<void> {
  const stop = new AbortController()
  stream.on('error', () => {})
  stream.once('close', () => stop.abort(new GrpcError(statusCodes.cancelled, 'the call was cancelled')))
  let error: GrpcError | undefined
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.once('wantTrailers', () => {
    stream.sendTrailers({
      'grpc-status': String(error?.code ?? statusCodes.ok),
      ...(error === undefined ? {} : { 'grpc-message': encodeText(error.message) }),
      ...(error?.details === undefined
        ? {}
        : { 'grpc-status-details-bin': Buffer.from(error.details).toString('base64') }),
    })
  })
  try {
    if (handler === undefined)
      throw new GrpcError(statusCodes.unimplemented, `unknown method ${String(headers[':path'])}`)
    await handler.serve(stream, { metadata: headers, signal: stop.signal })
  } catch (thrown) {
    error = thrown instanceof GrpcError ? thrown : new GrpcError(statusCodes.unknown, (thrown as Error).message)
  }
  if (stream.destroyed) return
  stream.end()
  // What the caller still sends is of no interest; it ends the stream when it sees the status.
  if (!stream.readableEnded) stream.resume()
}

async function* messagesOf<Method extends DescMethod>(
  stream: ServerHttp2Stream,
  method: Method,
): AsyncGenerator<MessageShape<Method['input']>, void, undefined> {
  // Leaving the loop early must not end the call.
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const bytes of readFrames(chunks))
    yield fromBinary(method.input as Method['input'], bytes) as MessageShape<Method['input']>
}

function write(stream: ServerHttp2Stream, bytes: Buffer): Promise<void> {
  if (stream.destroyed) throw new GrpcError(statusCodes.cancelled, 'the call was cancelled')
  if (stream.write(bytes)) return Promise.resolve()
  return drained(stream)
}
