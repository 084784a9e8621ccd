import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type {
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodStreaming,
  DescMethodUnary,
} from '@bufbuild/protobuf'
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { drained } from '../../support/index.ts'
import { frame, readFrames } from './frames.ts'
import { errorIn, GrpcError, statusCodes } from './status.ts'

export interface CallSettings {
  readonly metadata?: Readonly<Record<string, string | readonly string[]>> | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the call is given up; the other side is told as well. */
  readonly timeout?: number | undefined
}

/** A call in both directions. */
export interface GrpcCall<Method extends DescMethod> {
  /** Resolves when there is room for more. */
  send(message: MessageInitShape<Method['input']>): Promise<void>
  /** Says that nothing more is sent. */
  finish(): void
  /** Everything the other side sends. Throws a `GrpcError` unless the call ends with success. */
  readonly responses: AsyncGenerator<MessageShape<Method['output']>, void, undefined>
  cancel(): void
}

// Larger windows than HTTP/2's own 64 KiB, so that files and images flow.
const window = 4 << 20

/** Loads what clients need, which takes some 40 ms: while an answer is waited for. */
export function prepareClients(): void {
  void constants.NGHTTP2_CANCEL
}

/** Calls to whoever is at the other end of a socket. */
export class GrpcClient {
  private readonly session: ClientHttp2Session
  private failure: Error | undefined

  constructor(socket: Duplex) {
    this.session = connect('http://localhost', {
      createConnection: () => socket,
      settings: { initialWindowSize: window, enablePush: false },
      // Names of many files may stand in headers.
      maxSendHeaderBlockLength: 16 << 20,
      maxHeaderListPairs: 65_536,
    })
    this.session.on('error', (error: Error) => {
      this.failure ??= error
    })
    // A TLS socket stays open when the other side refuses us after the handshake.
    socket.on('error', (error: Error) => {
      this.failure ??= error
      socket.destroy()
    })
    this.session.on('connect', () => this.session.setLocalWindowSize(window * 4))
  }

  /** Whether calls can still be made. */
  get isOpen(): boolean {
    return !this.session.closed && !this.session.destroyed
  }

  /** Resolves when the other side has answered with its first HTTP/2 frame. Rejects if it speaks something else. */
  async ready(signal: AbortSignal): Promise<void> {
    if (!this.isOpen) throw this.lost()
    const end = new AbortController()
    const either = AbortSignal.any([signal, end.signal])
    try {
      await Promise.race([
        once(this.session, 'remoteSettings', { signal: either }),
        once(this.session, 'close', { signal: either }).then(() => {
          throw this.lost()
        }),
      ])
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof GrpcError
        ? error
        : new GrpcError(statusCodes.unavailable, (error as Error).message, { cause: error })
    } finally {
      end.abort()
    }
  }

  async unary<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method['input']>,
    settings?: CallSettings,
  ): Promise<MessageShape<Method['output']>> {
    const call = this.open(method, settings)
    await call.send(request)
    call.finish()
    let answer: MessageShape<Method['output']> | undefined
    for await (const response of call.responses) answer ??= response
    if (answer === undefined) throw new GrpcError(statusCodes.internal, `${pathOf(method)} ended without an answer`)
    return answer
  }

  async *serverStream<Method extends DescMethodServerStreaming>(
    method: Method,
    request: MessageInitShape<Method['input']>,
    settings?: CallSettings,
  ): AsyncGenerator<MessageShape<Method['output']>, void, undefined> {
    const call = this.open(method, settings)
    await call.send(request)
    call.finish()
    yield* call.responses
  }

  bidi<Method extends DescMethodBiDiStreaming>(method: Method, settings?: CallSettings): GrpcCall<Method> {
    return this.open(method, settings)
  }

  /** Ends the connection and every call on it. */
  close(): void {
    this.session.destroy()
  }

  private open<Method extends DescMethodUnary | DescMethodStreaming>(
    method: Method,
    { metadata = {}, signal, timeout }: CallSettings = {},
  ): GrpcCall<Method> {
    signal?.throwIfAborted()
    if (!this.isOpen) throw this.lost()
    const headers: Record<string, string | string[]> = {
      ':method': 'POST',
      ':path': pathOf(method),
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'tare',
      ...(timeout === undefined ? {} : { 'grpc-timeout': `${Math.ceil(timeout)}m` }),
    }
    for (const [name, value] of Object.entries(metadata)) headers[name] = typeof value === 'string' ? value : [...value]
    const stream = this.session.request(headers, { endStream: false })
    const outcome = new Outcome(stream, method, { failure: () => this.failure, isLost: () => !this.isOpen })
    const cancel = () => stream.close(constants.NGHTTP2_CANCEL)
    signal?.addEventListener('abort', cancel, { once: true })
    const timer = timeout === undefined ? undefined : setTimeout(() => outcome.giveUp(timeout), timeout)
    stream.once('close', () => {
      signal?.removeEventListener('abort', cancel)
      clearTimeout(timer)
    })
    return {
      send: (message) => write(stream, frame(toBinary(method.input, create(method.input, message)))),
      finish: () => stream.end(),
      responses: responsesOf(stream, outcome, method, signal),
      cancel,
    }
  }

  private lost(): GrpcError {
    const { failure } = this
    const why = failure === undefined ? 'the connection is closed' : `the connection failed: ${failure.message}`
    return new GrpcError(statusCodes.unavailable, why, { cause: failure })
  }
}

interface Connection {
  failure(): Error | undefined
  isLost(): boolean
}

/** How a call ends, put together from headers, trailers and the stream's own fate. */
class Outcome {
  private readonly stream: ClientHttp2Stream
  private headers: IncomingHttpHeaders | undefined
  private trailers: IncomingHttpHeaders | undefined
  private own: GrpcError | undefined
  private error: Error | undefined
  private readonly connection: Connection
  private readonly path: string
  readonly closed: Promise<void>

  constructor(stream: ClientHttp2Stream, method: DescMethod, connection: Connection) {
    this.stream = stream
    this.path = pathOf(method)
    this.connection = connection
    stream.on('response', (headers) => {
      this.headers = headers
    })
    stream.on('trailers', (headers) => {
      this.trailers = headers
    })
    stream.on('error', (error: Error) => {
      this.error = error
    })
    this.closed = new Promise((resolve) => stream.once('close', resolve))
  }

  /** Whether what came was an answer of gRPC at all. */
  get isOfGrpc(): boolean {
    return Number(this.headers?.[':status'] ?? 200) === 200
  }

  giveUp(timeout: number): void {
    this.own = new GrpcError(statusCodes.deadlineExceeded, `${this.path} did not answer within ${timeout / 1000} s`)
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  /** Returns what the call failed with; only meaningful once the stream is closed. */
  failure(): GrpcError | undefined {
    const { headers = {}, trailers = {}, stream } = this
    if (this.own !== undefined) return this.own
    const told = errorIn(trailers) ?? errorIn(headers)
    if (told !== undefined) return told
    if (trailers['grpc-status'] !== undefined || headers['grpc-status'] !== undefined) return undefined
    const status = headers[':status']
    if (status !== undefined && Number(status) !== 200)
      return new GrpcError(statusCodes.unavailable, `${this.path} was answered with HTTP status ${status}`)
    if (stream.rstCode === constants.NGHTTP2_CANCEL && !this.connection.isLost())
      return new GrpcError(statusCodes.cancelled, `${this.path} was cancelled by the other side`)
    const cause = this.error ?? this.connection.failure()
    const why = cause === undefined ? 'the connection closed' : cause.message
    return new GrpcError(statusCodes.unavailable, `${this.path} was cut off: ${why}`, { cause })
  }
}

async function* responsesOf<Method extends DescMethod>(
  stream: ClientHttp2Stream,
  outcome: Outcome,
  method: Method,
  signal: AbortSignal | undefined,
): AsyncGenerator<MessageShape<Method['output']>, void, undefined> {
  try {
    let cut: unknown
    try {
      for await (const bytes of readFrames(chunksOf(stream)))
        yield fromBinary(method.output as Method['output'], bytes) as MessageShape<Method['output']>
    } catch (error) {
      cut = error
    }
    if (cut instanceof GrpcError && cut.code !== statusCodes.unavailable && outcome.isOfGrpc) throw cut
    if (!stream.closed) stream.resume()
    // The other side has said how it ends; nothing more is to be sent.
    if (!stream.writableEnded) stream.end()
    await outcome.closed
    signal?.throwIfAborted()
    const failure = outcome.failure()
    if (failure !== undefined) throw failure
    if (cut !== undefined) throw cut
  } finally {
    if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
  }
}

/** Yields the stream's bytes; how it ends is for others to say. */
async function* chunksOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of stream) yield chunk as Buffer
  } catch (error) {
    if (!stream.destroyed) throw error
  }
}

function write(stream: ClientHttp2Stream, bytes: Buffer): Promise<void> {
  // A call that has ended says why through its responses.
  if (stream.destroyed || stream.writableEnded || stream.write(bytes)) return Promise.resolve()
  return drained(stream)
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`
}
