import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { health } from '../../buildkit/index.ts'
import { GrpcClient, type Handlers, serveGrpc, unary } from '../../net/grpc/index.ts'
import type { TareError } from '../../support/index.ts'
import { Pulse } from './pulse.ts'

/** A client of an engine with these methods, and a way to silence it without closing anything. */
async function clientOf(handlers: Handlers): Promise<{ readonly client: GrpcClient; readonly silence: () => void }> {
  const path = join(temporaryFolder(), 'socket')
  const server = createServer((socket) => serveGrpc(socket, handlers))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  // What arrives between is kept by nobody.
  let isSilent = false
  const sockets: Socket[] = []
  const between = createServer((near) => {
    const far = connect(path)
    sockets.push(near, far)
    near.on('data', (data) => isSilent || far.write(data))
    far.on('data', (data) => isSilent || near.write(data))
    for (const socket of [near, far]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => between.listen(`${path}-between`, resolve))
  const client = new GrpcClient(connect(`${path}-between`))
  onTestFinished(() => {
    client.close()
    for (const socket of sockets) socket.destroy()
    server.close()
    between.close()
  })
  await client.ready(AbortSignal.timeout(5000))
  return {
    client,
    silence: () => {
      isSilent = true
    },
  }
}

function watch(client: GrpcClient): { readonly gone: Promise<TareError>; readonly asked: TareError[] } {
  const asked: TareError[] = []
  const gone = new Promise<TareError>((resolve) => {
    const pulse = new Pulse(
      client,
      'e',
      (error) => {
        asked.push(error)
        resolve(error)
      },
      { interval: 50, silence: 1000 },
    )
    onTestFinished(() => pulse.stop())
  })
  return { gone, asked }
}

test('an engine that answers nothing any more is gone, although its connection is open', async () => {
  const { client, silence } = await clientOf([unary(health.Health.method.check, () => ({}))])
  silence()
  expect(await watch(client).gone).toMatchObject({ code: 'ENGINE_LOST', message: expect.stringContaining('1 s') })
  expect(client.isOpen).toBe(true)
})

test.each([
  ['that answers', [unary(health.Health.method.check, () => ({}))]],
  ['that does not know the question', []],
] as const)('an engine %s is there, however long it has nothing to say', async (_, handlers) => {
  const { client, silence } = await clientOf(handlers)
  const { gone, asked } = watch(client)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  expect(asked).toEqual([])
  silence()
  expect((await gone).code).toBe('ENGINE_LOST')
})
