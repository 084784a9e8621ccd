import { createServer as createHttp, request } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A proxy of this machine that leads every request to one place. */
export interface TestProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** What was asked for: `CONNECT a.example:443`, `GET http://a.example/`, `SOCKS a.example:443`. */
  readonly asked: string[]
}

export interface TestProxyOptions {
  /** Where everything goes: `127.0.0.1:PORT`. */
  readonly to: string
  /** It speaks TLS itself. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined
  /** Whom it lets in: `user:password`. */
  readonly user?: string | undefined
  /** What it answers to everybody. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** One that speaks HTTP, by CONNECT and by whole addresses; for as long as the test runs. */
export async function startProxy({ to, tls, user, status, headers = {} }: TestProxyOptions): Promise<TestProxy> {
  const asked: string[] = []
  const wanted = user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`
  const answerOf = (shown: string | undefined) => status ?? (wanted === undefined || shown === wanted ? 200 : 407)
  const server = tls === undefined ? createHttp() : createHttps(tls)
  const [hostname, port] = to.split(':') as [string, string]
  server.on('connect', (req, near: Socket) => {
    asked.push(`CONNECT ${req.url}`)
    near.on('error', () => {})
    const answer = answerOf(req.headers['proxy-authorization'])
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    if (answer !== 200) {
      near.end(`HTTP/1.1 ${answer} no\r\n${lines.join('')}Content-Length: 0\r\n\r\n`)
      return
    }
    const far = connect(Number(port), hostname, () => near.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  })
  server.on('request', (req, res) => {
    asked.push(`${req.method} ${req.url}`)
    const answer = answerOf(req.headers['proxy-authorization'])
    if (answer !== 200) {
      res.writeHead(answer, headers).end()
      return
    }
    const { pathname, search } = new URL(req.url!)
    const { 'proxy-authorization': _, ...rest } = req.headers
    const sent = request({ hostname, port, method: req.method, path: pathname + search, headers: rest }, (response) => {
      res.writeHead(response.statusCode!, response.headers)
      response.pipe(res)
    })
    sent.on('error', () => res.destroy())
    req.pipe(sent)
  })
  return { host: await listen(server), asked }
}

/** One that speaks SOCKS5. `reply` is what it answers to a request. */
export async function startSocks({
  to,
  user,
  reply = 0,
}: Pick<TestProxyOptions, 'to' | 'user'> & { readonly reply?: number }): Promise<TestProxy> {
  const asked: string[] = []
  const [hostname, port] = to.split(':') as [string, string]
  const server = createServer(async (near) => {
    near.on('error', () => {})
    const take = async (count: number): Promise<Buffer> => {
      for (;;) {
        const bytes = near.read(count) as Buffer | null
        if (bytes !== null) return bytes
        await new Promise((resolve) => near.once('readable', resolve))
      }
    }
    const [, methods = 0] = await take(2)
    const offered = [...(await take(methods))]
    const method = user === undefined ? 0 : 2
    if (!offered.includes(method)) {
      near.end(Buffer.of(5, 255))
      return
    }
    near.write(Buffer.of(5, method))
    if (user !== undefined) {
      const name = (await take((await take(2))[1]!)).toString()
      const secret = (await take((await take(1))[0]!)).toString()
      near.write(Buffer.of(1, `${name}:${secret}` === user ? 0 : 1))
      if (`${name}:${secret}` !== user) return
    }
    const [, , , kind] = await take(4)
    const host =
      kind === 3
        ? (await take((await take(1))[0]!)).toString()
        : kind === 1
          ? [...(await take(4))].join('.')
          : `[${(await take(16)).toString('hex')}]`
    asked.push(`SOCKS ${host}:${(await take(2)).readUInt16BE()}`)
    if (reply !== 0) {
      near.end(Buffer.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0))
      return
    }
    const far = connect(Number(port), hostname, () => near.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0)))
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  })
  return { host: await listen(server), asked }
}

async function listen(server: Server): Promise<string> {
  const open = new Set<Socket>()
  server.on('connection', (socket) => open.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
