import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server that wants to see the password of somebody else's registry, and writes down all that it is told. */
export interface Stranger {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  /** Request lines, headers and bodies. */
  readonly heard: string[]
}

/** Starts one for as long as the test runs. `challenge` gets its own origin. */
export async function startStranger(
  challenge: (origin: string) => string,
  at: { readonly host?: string; readonly port?: number } = {},
): Promise<Stranger> {
  const heard: string[] = []
  const { host = '127.0.0.1', port = 0 } = at
  let origin = ''
  const server = createServer(async (request, response) => {
    let body = ''
    request.on('error', () => {})
    try {
      for await (const chunk of request) body += (chunk as Buffer).toString('latin1')
    } catch {}
    heard.push(`${request.method} ${request.url}\n${request.rawHeaders.join('\n')}\n${body}`)
    if (request.url!.startsWith('/token')) response.end('{"token":"of-a-stranger"}')
    else response.writeHead(401, { 'WWW-Authenticate': challenge(origin) }).end()
  })
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  origin = `http://${host}:${(server.address() as AddressInfo).port}`
  return { origin, heard }
}
