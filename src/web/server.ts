import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TareError } from '../index.ts'
import type { Answers } from './answers.ts'
import { servedPage } from './page.ts'

export interface PageServer {
  /** With a token, which is all that keeps others on this machine out. */
  readonly address: string
  close(): Promise<void>
}

/** Serves the page on loopback, on a free port by default. Rejects with Node's error if the port is not to be had. */
export async function servePage(answers: Answers, port = 0): Promise<PageServer> {
  const token = randomBytes(24).toString('base64url')
  const page = servedPage(answers)
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)![1]!
  const headers = {
    'Content-Security-Policy': `${policy}; frame-ancestors 'none'`,
    'Cache-Control': 'no-store',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    void respond(request, response, { answers, page, token })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${token}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Served {
  readonly answers: Answers
  readonly page: string
  readonly token: string
}

async function respond(
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
  { answers, page, token }: Served,
): Promise<void> {
  // A name that a stranger's DNS points to this machine is not ours. The port may be that of a tunnel.
  if (!/^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(headers.host ?? ''))
    return say(response, 421, 'This is not the host that was asked for.')
  if (method !== 'GET') {
    response.setHeader('Allow', 'GET')
    return say(response, 405, 'Only GET is allowed.')
  }
  const [, given = '', path] = /^\/([^/?#]*)\/([^?#]*)$/.exec(url) ?? []
  if (!isSame(given, token)) return say(response, 403, 'The address has another token.')
  if (path === '') return send(response, 200, 'text/html; charset=utf-8', page)
  const answer = path?.startsWith('data/') === true ? answers.ask(path.slice('data/'.length)) : undefined
  if (answer === undefined) return say(response, 404, 'There is no such page.')
  try {
    send(response, 200, 'application/json', await answer)
  } catch (error) {
    send(response, 500, 'application/json', JSON.stringify({ message: messageOf(error) }))
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`)
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length }).end(bytes)
}

/** Whether two texts are the same, in a time that says nothing of either. */
function isSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(x!, y!)
}

function messageOf(error: unknown): string {
  if (error instanceof TareError)
    return error.remedy === undefined ? error.message : `${error.message}. ${error.remedy}`
  return error instanceof Error ? error.message : String(error)
}
