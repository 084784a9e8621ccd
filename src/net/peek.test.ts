import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../test/kit/free-port.ts'
import { serve } from '../../test/kit/serve.ts'
import { speaksInClear } from './peek.ts'

async function listen(server: Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

test('a web server without TLS is reported', async () => {
  const address = await serve((_, response) => void response.end())
  expect(await speaksInClear(new URL(address))).toBe(true)
  expect(await speaksInClear(new URL(address.replace('127.0.0.1', 'localhost')))).toBe(true)
})

test.each([
  ['TLS', () => listen(createSecureServer({}, () => {}))],
  ['nothing', () => listen(createServer(() => {}))],
  ['something else', () => listen(createServer((socket) => void socket.end('220 mail\r\n')))],
  ['a reset', () => listen(createServer((socket) => void socket.destroy()))],
])('a server that answers with %s is none of that', async (_, start) => {
  expect(await speaksInClear(await start())).toBe(false)
})

test('where nobody listens, nobody speaks', async () => {
  expect(await speaksInClear(new URL(`https://127.0.0.1:${await freePort()}`))).toBe(false)
})

test('an end that is asked for is one', async () => {
  const url = await listen(createServer(() => {}))
  expect(await speaksInClear(url, AbortSignal.timeout(20))).toBe(false)
})
