import { connect, type Http2Server, type ServerHttp2Stream, createServer as serveHttp2 } from 'node:http2'
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { Control, filesync, secrets } from '../../buildkit/index.ts'
import { frame, GrpcClient, type Handlers, messageLimit, serveGrpc, statusCodes, streaming, unary } from './index.ts'
import { GrpcError } from './status.ts'

const { getSecret } = secrets.Secrets.method
const { diffCopy } = filesync.FileSend.method

/** A client of a server with these methods. */
async function connected(handlers: Handlers): Promise<GrpcClient> {
  return new GrpcClient(await socketTo((socket) => serveGrpc(socket, handlers)))
}

async function socketTo(accept: (socket: Socket) => void): Promise<Socket> {
  const path = join(temporaryFolder(), 'socket')
  const server = createServer(accept)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const socket = connectSocket(path)
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return socket
}

/** A client of a server that answers a call with these bytes. */
async function answeredWith(answer: (stream: ServerHttp2Stream) => void): Promise<GrpcClient> {
  const path = join(temporaryFolder(), 'socket')
  const server: Http2Server = serveHttp2()
  server.on('stream', answer)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const socket = connectSocket(path)
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return new GrpcClient(socket)
}

const never = () => new Promise<never>(() => {})

test('a call returns the message that the other side answers with', async () => {
  const client = await connected([unary(getSecret, ({ id }) => ({ data: Buffer.from(`value of ${id}`) }))])
  const { data } = await client.unary(getSecret, { id: 'token' })
  expect(Buffer.from(data).toString()).toBe('value of token')
})

test('an error arrives with its code, and its text in any language', async () => {
  const text = 'nicht gefunden: „schlüssel“ 100%\n次'
  const refuse = unary(getSecret, () => {
    throw new GrpcError(statusCodes.notFound, text, { details: Buffer.from('more') })
  })
  const client = await connected([refuse])
  const error = await client.unary(getSecret, { id: 'x' }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 5, message: text })
  expect(Buffer.from((error as GrpcError).details!).toString()).toBe('more')
})

test('a method that is not served is unimplemented', async () => {
  const client = await connected([])
  await expect(client.unary(getSecret, { id: 'x' })).rejects.toMatchObject({ code: statusCodes.unimplemented })
})

test('messages flow in both directions until each side has ended', async () => {
  const echo = streaming(diffCopy, async ({ requests, send }) => {
    for await (const { data } of requests) await send({ data: Buffer.from(data).reverse() })
    await send({ data: Buffer.from('end') })
  })
  const call = (await connected([echo])).bidi(diffCopy)
  const sending = (async () => {
    for (const text of ['abc', '', 'x'.repeat(300_000)]) await call.send({ data: Buffer.from(text) })
    call.finish()
  })()
  const got: string[] = []
  for await (const { data } of call.responses) got.push(Buffer.from(data).toString())
  await sending
  expect(got).toEqual(['cba', '', 'x'.repeat(300_000), 'end'])
})

test('what one side does not read holds the other one up', async () => {
  let sent = 0
  const flood = streaming(diffCopy, async ({ send }) => {
    for (; sent < 400; sent++) await send({ data: Buffer.alloc(1 << 20) })
  })
  const call = (await connected([flood])).bidi(diffCopy)
  call.finish()
  const first = await call.responses.next()
  expect(first.done).toBe(false)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(sent).toBeLessThan(100)
  call.cancel()
})

test('metadata arrives, also of many values under one name', async () => {
  const names = Array.from({ length: 2000 }, (_, i) => `path/${i}`)
  const tell = unary(getSecret, (_, { metadata }) => ({ data: Buffer.from(String(metadata['followpaths'])) }))
  const client = await connected([tell])
  const { data } = await client.unary(getSecret, {}, { metadata: { followpaths: names } })
  expect(Buffer.from(data).toString()).toBe(names.join(', '))
})

test('a call that takes too long is given up, and the other side is told', async () => {
  let stopped: AbortSignal | undefined
  const client = await connected([
    unary(getSecret, (_, { signal }) => {
      stopped = signal
      return never()
    }),
  ])
  await expect(client.unary(getSecret, {}, { timeout: 50 })).rejects.toMatchObject({
    code: statusCodes.deadlineExceeded,
    message: expect.stringContaining('GetSecret did not answer within 0.05 s'),
  })
  await expect.poll(() => stopped?.aborted).toBe(true)
})

test('a canceled call rejects with the reason, and the other side is told', async () => {
  let stopped: AbortSignal | undefined
  const client = await connected([
    unary(getSecret, (_, { signal }) => {
      stopped = signal
      return never()
    }),
  ])
  const stop = new AbortController()
  const call = client.unary(getSecret, {}, { signal: stop.signal })
  await expect.poll(() => stopped !== undefined).toBe(true)
  stop.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  await expect.poll(() => stopped?.aborted).toBe(true)
})

test('a message over 16 MiB is neither sent nor taken', async () => {
  expect(() => frame(Buffer.alloc(messageLimit + 1))).toThrow(`at most ${messageLimit}`)
  const client = await answeredWith((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    stream.write(Buffer.from([0, 1, 0, 0, 1]))
  })
  await expect(client.unary(getSecret, {})).rejects.toMatchObject({ code: statusCodes.resourceExhausted })
})

test('a request over 16 MiB ends its call, and the server goes on', async () => {
  const taken: number[] = []
  const take = streaming(diffCopy, async ({ requests }) => {
    for await (const { data } of requests) taken.push(data.length)
  })
  const path = join(temporaryFolder(), 'socket')
  const server = createServer((socket) => serveGrpc(socket, [take]))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const session = connect('http://localhost', { createConnection: () => connectSocket(path) })
  onTestFinished(() => {
    session.destroy()
    server.close()
  })
  const statusOf = async (...pieces: readonly Buffer[]) => {
    const stream = session.request({ ':method': 'POST', ':path': '/moby.filesync.v1.FileSend/DiffCopy' })
    const told = new Promise((resolve) => stream.on('trailers', (trailers) => resolve(Number(trailers['grpc-status']))))
    for (const piece of pieces) stream.write(piece)
    stream.resume().end()
    return told
  }
  const head = Buffer.from([0, 1, 0, 0, 1])
  expect(await statusOf(frame(Buffer.alloc(0)), head, Buffer.alloc(1 << 20))).toBe(statusCodes.resourceExhausted)
  expect(await statusOf(frame(Buffer.alloc(0)))).toBe(statusCodes.ok)
  expect(taken).toEqual([0, 0])
})

test('a compressed message is refused', async () => {
  const client = await answeredWith((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    stream.write(Buffer.from([1, 0, 0, 0, 0]))
  })
  await expect(client.unary(getSecret, {})).rejects.toMatchObject({ code: statusCodes.internal })
})

test.each([
  ['before an answer', (stream: ServerHttp2Stream) => stream.session!.destroy()],
  [
    'within a message',
    (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.write(Buffer.from([0, 0, 0, 0, 9, 1]), () => stream.session!.destroy())
    },
  ],
  [
    'after the message, but before its status',
    (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.from([0, 0, 0, 0, 0]))
    },
  ],
])('a connection that ends %s is an error', async (_, answer) => {
  const client = await answeredWith(answer)
  await expect(client.unary(getSecret, {})).rejects.toMatchObject({ code: statusCodes.unavailable })
})

test('an answer that is no gRPC says with what it was answered', async () => {
  const client = await answeredWith((stream) => {
    stream.respond({ ':status': 404 })
    stream.end('no such page')
  })
  await expect(client.unary(getSecret, {})).rejects.toThrow(
    '/moby.buildkit.secrets.v1.Secrets/GetSecret was answered with HTTP status 404',
  )
})

test('a server that speaks HTTP/1.1 is not ready for calls', async () => {
  const client = new GrpcClient(await socketTo((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
  await expect(client.ready(new AbortController().signal)).rejects.toMatchObject({ code: statusCodes.unavailable })
})

test('a server that says nothing is not waited for longer than asked', async () => {
  const client = new GrpcClient(await socketTo(() => {}))
  await expect(client.ready(AbortSignal.timeout(50))).rejects.toThrow(/abort/i)
})

test('after the connection is closed, calls fail at once', async () => {
  const client = await connected([])
  client.close()
  await expect(client.unary(Control.method.info, {})).rejects.toMatchObject({ code: statusCodes.unavailable })
})

test('a caller that ends in mid-stream ends the call of the server', async () => {
  let outcome: unknown
  const take = streaming(diffCopy, async ({ requests, signal }) => {
    try {
      for await (const _ of requests);
    } finally {
      await expect.poll(() => signal.aborted).toBe(true)
      outcome = 'ended'
    }
  })
  const path = join(temporaryFolder(), 'socket')
  const server = createServer((socket) => serveGrpc(socket, [take]))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  const session = connect('http://localhost', { createConnection: () => connectSocket(path) })
  session.on('error', () => {})
  const stream = session.request({ ':method': 'POST', ':path': '/moby.filesync.v1.FileSend/DiffCopy' })
  stream.on('error', () => {})
  stream.write(frame(Buffer.alloc(0)), () => session.destroy())
  await expect.poll(() => outcome).toBe('ended')
})
