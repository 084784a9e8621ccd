import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Control } from '../../../buildkit/index.ts'
import { type GrpcCall, GrpcClient, GrpcError, prepareClients } from '../../../net/grpc/index.ts'
import { type Bytes, messageOf, systemCode, TareError } from '../../../support/index.ts'
import type { EngineAddress } from './address.ts'
import { CommandFailure, dial, unreachable } from './dial.ts'
import { aboutTls } from './tls.ts'

/** A connected BuildKit. */
export interface Engine {
  /** As it was named, for messages. */
  readonly name: string
  readonly control: GrpcClient
  /** Whether it is in a docker daemon whose API is on the same socket. */
  readonly isDaemon: boolean
  /** Opens a session: the engine calls these methods over the connection that is returned. */
  session(session: SessionSettings): Promise<Duplex>
  /** Sends a request to the daemon's API. Only for daemons. */
  request(method: 'GET' | 'POST' | 'DELETE', path: string, signal: AbortSignal, sent?: Sent): Promise<IncomingMessage>
  close(): void
}

/** What a request has besides its path. */
export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Bytes
}

export interface SessionSettings {
  readonly id: string
  /** Tells machines apart; nothing can be read from it. */
  readonly sharedKey: string
  /** `/service/Method`. */
  readonly methods: readonly string[]
  readonly signal: AbortSignal
}

// An address that is no BuildKit is told within this time.
const answerTime = 5000

/**
 * Connects to an engine: HTTP/2 at once, as BuildKit itself speaks it, or else through a daemon's API. Rejects with
 * `ENGINE_UNREACHABLE`, `ENGINE_INVALID` if it is something else.
 */
export async function connectEngine(address: EngineAddress, signal: AbortSignal): Promise<Engine> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(answerTime)])
  try {
    // A daemon's socket is known by its name; others are told apart by what they answer.
    const isDaemon = address.kind === 'socket' && address.path.endsWith('docker.sock')
    const early = isDaemon ? await throughApi(address, inTime).catch(() => undefined) : undefined
    if (early !== undefined) return engineOver(address, early, true)
    inTime.throwIfAborted()
    const direct = await directly(address, inTime)
    if (direct !== undefined) return engineOver(address, direct, false)
    return engineOver(address, await throughApi(address, inTime), true)
  } catch (error) {
    signal.throwIfAborted()
    if (inTime.aborted)
      throw new TareError(
        'ENGINE_INVALID',
        `${address.text} does not answer as a BuildKit within ${answerTime / 1000} s`,
        {
          cause: error,
          remedy: notBuildKit,
        },
      )
    if (error instanceof TareError) throw error
    const refusal = refusalIn(error)
    if (refusal !== undefined) throw unreachable(address, refusal)
    throw new TareError('ENGINE_INVALID', `${address.text} does not answer as a BuildKit: ${messageOf(error)}`, {
      cause: error,
      remedy: notBuildKit,
    })
  }
}

const notBuildKit = 'It must be the address of a buildkitd, or of a docker daemon of version 20.10 or later.'

async function throughApi(address: EngineAddress, signal: AbortSignal): Promise<GrpcClient> {
  const control = new GrpcClient(await upgrade(address, '/grpc', {}, signal))
  await control.ready(signal)
  return control
}

/** Returns undefined if the other side does not start with HTTP/2. */
async function directly(address: EngineAddress, signal: AbortSignal): Promise<GrpcClient | undefined> {
  const { socket, protocol } = await dial(address, ['h2', 'http/1.1'], signal)
  if (protocol !== undefined && protocol !== 'h2') {
    socket.destroy()
    return undefined
  }
  const client = new GrpcClient(socket)
  try {
    await client.ready(signal)
    return client
  } catch (error) {
    client.close()
    socket.destroy()
    signal.throwIfAborted()
    // It would fail again.
    if (refusalIn(error) !== undefined) throw error
    return undefined
  }
}

/** Returns the error of a program or of TLS that is behind another, and says more. */
function refusalIn(error: unknown): unknown {
  for (let one = error, depth = 0; one !== undefined && depth < 5; one = (one as { cause?: unknown }).cause, depth++)
    if (one instanceof CommandFailure || aboutTls(systemCode(one) ?? '', one) !== undefined) return one
  return undefined
}

function engineOver(address: EngineAddress, control: GrpcClient, isDaemon: boolean): Engine {
  return {
    name: address.text,
    control,
    isDaemon,
    session: (settings) => (isDaemon ? hijackedSession(address, settings) : nestedSession(control, settings)),
    request: (method, path, signal, sent) => send(address, { method, path, signal }, sent),
    close: () => control.close(),
  }
}

/** Turns a request to a daemon into a connection. */
async function upgrade(
  address: EngineAddress,
  path: string,
  headers: Readonly<Record<string, string | readonly string[]>>,
  signal: AbortSignal,
): Promise<Duplex> {
  const { socket } = await dial(address, ['http/1.1'], signal)
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => socket,
      method: 'POST',
      path,
      headers: { Host: 'localhost', Connection: 'Upgrade', Upgrade: 'h2c', ...headers } as Record<
        string,
        string | string[]
      >,
      signal,
    })
    request.once('upgrade', (_, upgraded, head) => {
      if (head.length > 0) upgraded.unshift(head)
      // A program's input and output have none.
      if ('setTimeout' in upgraded) upgraded.setTimeout(0)
      resolve(upgraded)
    })
    request.once('response', (response) => {
      socket.destroy()
      reject(new Error(`it answers POST ${path} with HTTP status ${response.statusCode}`))
    })
    request.once('error', reject)
    request.end(() => setImmediate(prepareClients))
  })
}

function hijackedSession(address: EngineAddress, { id, sharedKey, methods, signal }: SessionSettings): Promise<Duplex> {
  const headers = {
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'tare',
    'X-Docker-Expose-Session-Sharedkey': sharedKey,
    'X-Docker-Expose-Session-Grpc-Method': methods,
  }
  return upgrade(address, '/session', headers, signal)
}

/** A session within a call: its messages are slices of one stream of bytes. */
async function nestedSession(
  control: GrpcClient,
  { id, sharedKey, methods, signal }: SessionSettings,
): Promise<Duplex> {
  const metadata = {
    'x-docker-expose-session-uuid': id,
    'x-docker-expose-session-name': 'tare',
    'x-docker-expose-session-sharedkey': sharedKey,
    'x-docker-expose-session-grpc-method': methods,
  }
  return overCall(control.bidi(Control.method.session, { metadata, signal }))
}

function overCall(call: GrpcCall<typeof Control.method.session>): Duplex {
  const duplex = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      call.send({ data: chunk }).then(() => done(), done)
    },
    final: (done) => {
      call.finish()
      done()
    },
    destroy: (error, done) => {
      call.cancel()
      done(error)
    },
  })
  const receive = async () => {
    try {
      for await (const { data } of call.responses) {
        if (!duplex.push(data)) await new Promise<void>((resolve) => setImmediate(resolve))
      }
      duplex.push(null)
    } catch (error) {
      duplex.destroy(error instanceof GrpcError ? undefined : (error as Error))
    }
  }
  void receive()
  return duplex
}

async function send(
  address: EngineAddress,
  about: { readonly method: string; readonly path: string; readonly signal: AbortSignal },
  { headers = {}, body }: Sent = {},
): Promise<IncomingMessage> {
  const { socket } = await dial(address, ['http/1.1'], about.signal)
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => socket,
      ...about,
      headers: { Host: 'localhost', Connection: 'close', ...headers },
    })
    request.once('response', resolve)
    request.once('error', (error) => reject(unreachable(address, error)))
    if (body === undefined) request.end()
    // A daemon that refuses early says why.
    else pipeline(body, request).catch(() => {})
  })
}
