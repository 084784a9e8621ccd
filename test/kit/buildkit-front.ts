import { request } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import type { DescMethodUnary } from '@bufbuild/protobuf'
import { onTestFinished } from 'vitest'
import { Control, content, filesync, fsutil, gateway, type SolveRequest } from '../../src/buildkit/index.ts'
import { GrpcClient, type Handlers, type ServerCall, serveGrpc, streaming, unary } from '../../src/net/grpc/index.ts'
import { temporaryFolder } from './cli.ts'

// BuildKits that speak HTTP/2 at once, as buildkitd does: one in front of a docker daemon, and one that does as it is told.

type SessionCall = ServerCall<typeof Control.method.session>

/** Serves these methods at an address until the test has ended. */
export async function serveEngine(handlers: Handlers): Promise<string> {
  const path = join(temporaryFolder(), 'engine.sock')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    serveGrpc(socket, handlers)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `unix://${path}`
}

/** A BuildKit in front of a docker daemon: calls and sessions go to it. */
export async function frontOf(daemon: string): Promise<string> {
  const client = new GrpcClient(await upgrade(daemon, '/grpc', {}))
  onTestFinished(() => client.close())
  const relay = <Method extends DescMethodUnary>(method: Method) =>
    unary(method, (message, { metadata, signal }) =>
      client.unary(method, message as never, { signal, metadata: passed(metadata) }),
    )
  const { method } = Control
  const bridge = gateway.LLBBridge.method
  return serveEngine([
    ...[relay(method.solve), relay(method.listWorkers), relay(method.info)],
    ...[relay(bridge.ping), relay(bridge.solve), relay(bridge.return)],
    streaming(method.status, async ({ requests, send, signal }) => {
      for await (const message of requests)
        for await (const status of client.serverStream(method.status, message, { signal })) await send(status)
    }),
    streaming(method.session, async (call) => {
      const headers = Object.fromEntries(
        Object.entries(call.metadata).filter(([name]) => name.startsWith('x-docker-expose-session-')),
      )
      const methods = String(headers['x-docker-expose-session-grpc-method']).split(', ')
      const socket = await upgrade(daemon, '/session', {
        ...(headers as Record<string, string>),
        'x-docker-expose-session-grpc-method': methods,
      })
      call.signal.addEventListener('abort', () => socket.destroy(), { once: true })
      const forth = (async () => {
        for await (const { data } of call.requests) socket.write(data)
      })()
      forth.catch(() => {})
      for await (const data of socket) await call.send({ data: data as Buffer })
    }),
  ])
}

function passed(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const id = metadata['buildkit-controlapi-buildid']
  return id === undefined ? {} : { 'buildkit-controlapi-buildid': String(id) }
}

function upgrade(path: string, url: string, headers: Record<string, string | string[]>): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath: path,
      method: 'POST',
      path: url,
      headers: { Connection: 'Upgrade', Upgrade: 'h2c', ...headers },
    })
    sent.once('upgrade', (_, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    sent.once('response', ({ statusCode }) => reject(new Error(`${url}: HTTP status ${statusCode}`)))
    sent.once('error', reject)
    sent.end()
  })
}

/** The calls that an engine makes on the session of its client. */
export function clientOfSession({ requests, send, signal }: SessionCall): GrpcClient {
  const duplex = new Duplex({
    read: () => {},
    write: (data: Buffer, _encoding, done) => void send({ data }).then(() => done(), done),
  })
  signal.addEventListener('abort', () => duplex.destroy(), { once: true })
  const receive = async () => {
    for await (const { data } of requests) duplex.push(data)
    duplex.push(null)
  }
  receive().catch(() => duplex.destroy())
  return new GrpcClient(duplex)
}

/** An engine that does something with the client's session when it is asked to build, and answers with what that returns. */
export function engineThat(
  build: (session: GrpcClient, request: SolveRequest) => Promise<unknown>,
  architecture = 'amd64',
): Promise<string> {
  let found: (session: GrpcClient) => void
  const session = new Promise<GrpcClient>((resolve) => {
    found = resolve
  })
  let end: () => void
  const over = new Promise<void>((resolve) => {
    end = resolve
  })
  const { method } = Control
  return serveEngine([
    unary(method.listWorkers, () => ({
      record: [
        {
          id: 'w',
          labels: { 'org.mobyproject.buildkit.worker.snapshotter': 'x' },
          platforms: [{ os: 'linux', architecture }],
        },
      ],
    })),
    unary(method.info, () => ({ buildkitVersion: { version: 'v0.99.0' } })),
    unary(method.solve, async (request) => {
      try {
        const exporterResponse = (await build(await session, request)) as Record<string, string> | undefined
        return exporterResponse === undefined ? {} : { exporterResponse }
      } finally {
        end()
      }
    }),
    streaming(method.status, () => over),
    streaming(method.session, async (call) => {
      found(clientOfSession(call))
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve))
    }),
    unary(gateway.LLBBridge.method.ping, () => ({ llbCaps: [] })),
    unary(gateway.LLBBridge.method.solve, async () => {
      await over
      return {}
    }),
    unary(gateway.LLBBridge.method.return, () => ({})),
  ])
}

export interface Received {
  readonly entries: readonly string[]
  readonly contents: Readonly<Record<string, string>>
}

/** Takes a folder of a session the way BuildKit does: every entry, and the contents of the files that `wants` names. */
export async function receiveFiles(
  session: GrpcClient,
  name: string,
  wants: (path: string) => boolean = () => true,
): Promise<Received> {
  const types = fsutil.Packet_PacketType
  const call = session.bidi(filesync.FileSync.method.diffCopy, { metadata: { 'dir-name': name } })
  const entries: string[] = []
  const names = new Map<number, string>()
  const parts = new Map<number, Buffer[]>()
  let open = 0
  let listed = false
  for await (const { type, stat, id, data } of call.responses) {
    if (type === types.PACKET_STAT && stat !== undefined) {
      const { path, mode, linkname, size } = stat
      entries.push(
        `${path} ${mode.toString(8)}${linkname === '' ? '' : ` -> ${linkname}`}${size > 0n ? ` ${size}` : ''}`,
      )
      const isFile = (mode & 0x8f280000) === 0 && linkname === ''
      if (isFile && wants(path)) {
        names.set(entries.length - 1, path)
        parts.set(entries.length - 1, [])
        open++
        await call.send({ type: types.PACKET_REQ, id: entries.length - 1 })
      }
    } else if (type === types.PACKET_STAT) listed = true
    else if (type === types.PACKET_DATA && data.length > 0) parts.get(id)!.push(Buffer.from(data))
    else if (type === types.PACKET_DATA) open--
    else if (type === types.PACKET_ERR) throw new Error(Buffer.from(data).toString())
    if (listed && open === 0) {
      open = -1
      await call.send({ type: types.PACKET_FIN })
      call.finish()
    }
  }
  const contents = Object.fromEntries([...names].map(([id, path]) => [path, Buffer.concat(parts.get(id)!).toString()]))
  return { entries, contents }
}

/** Writes a blob into a store of a session the way containerd does. Returns whether the store wanted it. */
export async function writeBlob(
  session: GrpcClient,
  store: string,
  digest: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const { STAT, WRITE, COMMIT } = content.WriteAction
  const call = session.bidi(content.Content.method.write, { metadata: { 'buildkit-attachable-store-id': store } })
  const total = BigInt(bytes.length)
  const about = { ref: `blob ${digest}`, expected: digest, total }
  const answer = async (message: Parameters<typeof call.send>[0]) => {
    await call.send(message)
    return (await call.responses.next()).value
  }
  try {
    await answer({ ...about, action: STAT })
    const half = bytes.length >> 1
    await answer({ ...about, action: WRITE, offset: 0n, data: bytes.subarray(0, half) })
    await answer({ ...about, action: WRITE, offset: BigInt(half), data: bytes.subarray(half) })
    const end = await answer({ ...about, action: COMMIT, offset: total })
    return end !== undefined && end.digest === digest && end.offset === total
  } catch (error) {
    // (google.rpc.Code: ALREADY_EXISTS)
    if ((error as { code?: number }).code === 6) return false
    throw error
  } finally {
    call.cancel()
  }
}
