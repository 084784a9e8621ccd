import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { startProxy, startSocks } from '../../test/kit/proxies.ts'
import { openTunnel } from './tunnel.ts'

const secure = async () => {
  throw new Error('no TLS here')
}

/** A server that says what it hears. */
async function startEcho(): Promise<string> {
  const server = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  ['registry.test', 'registry.test:5000', 'registry.test:5000'],
  ['192.0.2.1', '192.0.2.1:5000', '192.0.2.1:5000'],
  ['fd12::1', '[fd12::1]:5000', '[fd120000000000000000000000000001]:5000'],
  ['::ffff:192.0.2.1', '[::ffff:192.0.2.1]:5000', '[00000000000000000000ffffc0000201]:5000'],
])('%s is asked for in the form of the protocol, and bytes pass', async (host, connected, socksed) => {
  const to = await startEcho()
  for (const kind of ['http', 'socks5'] as const) {
    const proxy = await (kind === 'http' ? startProxy({ to }) : startSocks({ to }))
    const server = { url: new URL(`${kind}://${proxy.host}`), variable: 'HTTPS_PROXY' }
    const socket = await openTunnel(server, { host, port: 5000 }, { secure, idleTimeout: 2_000 })
    onTestFinished(() => {
      socket.destroy()
    })
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    expect(proxy.asked).toEqual([kind === 'http' ? `CONNECT ${connected}` : `SOCKS ${socksed}`])
  }
})

test('a proxy that takes the connection and says nothing is given up', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const { port } = server.address() as AddressInfo
  for (const scheme of ['http', 'socks5']) {
    const proxy = { url: new URL(`${scheme}://127.0.0.1:${port}`), variable: 'HTTP_PROXY' }
    const opened = openTunnel(proxy, { host: 'a.example', port: 80 }, { secure, idleTimeout: 100 })
    await expect(opened).rejects.toThrow(/HTTP_PROXY\) has not responded within 0.1 seconds/)
  }
})
