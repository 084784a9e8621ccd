import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import * as http from 'node:http'
import * as https from 'node:https'
import { type Bytes, messageOf, systemCode } from '../../support/index.ts'
import { basicOf, connectThrough, type ProxyRules, proxyFor } from './proxy.ts'
import type { Trust } from './trust.ts'

/** One question to a server. A flowing body needs its `length`, unless the server may not know it. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: Uint8Array | Bytes | undefined
  readonly length?: number | undefined
}

export interface HttpResponse {
  readonly method: HttpRequest['method']
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Where the answer came from, after redirects. */
  readonly url: URL
  /** To be read to its end, or given up with `discard`. */
  readonly body: IncomingMessage
}

export interface HttpSettings {
  /** Milliseconds without a byte in either direction after which a connection counts as lost. */
  readonly patience: number
  /** Certificates are not checked. */
  readonly unchecked: boolean
  /** Authorities, and certificates of ours. Default: the usual authorities. */
  readonly trust?: Trust | undefined
  readonly proxies: ProxyRules
  readonly signal?: AbortSignal | undefined
}

const mostRedirects = 5

/** Speaks HTTP/1.1 over kept connections, follows redirects, and takes no Authorization to another host. */
export class Http {
  private readonly settings: HttpSettings
  private readonly plain = new http.Agent({ keepAlive: true })
  private readonly secure: https.Agent
  private readonly tunnels = new Map<string, https.Agent>()

  constructor(settings: HttpSettings) {
    this.settings = settings
    const { unchecked, trust } = settings
    this.secure = new https.Agent({ keepAlive: true, rejectUnauthorized: !unchecked, ...trust })
  }

  get patience(): number {
    return this.settings.patience
  }

  /** The answer, whatever its status. Rejects with the system's error where there is none. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    let { url, headers = {} } = request
    for (let hops = 0; ; hops++) {
      const response = await this.exchange({ ...request, url, headers }).catch((error: unknown) => {
        throw hops === 0 ? error : new RedirectFailure(url, error)
      })
      const place = response.headers.location
      const follows = request.method === 'GET' || request.method === 'HEAD'
      if (!follows || place === undefined || ![301, 302, 303, 307, 308].includes(response.status)) return response
      discard(response)
      if (hops === mostRedirects) throw new Error(`${request.url.host} redirects more than ${mostRedirects} times`)
      const next = new URL(place, url)
      if (next.protocol !== 'http:' && next.protocol !== 'https:')
        throw new Error(`${url.host} redirects to ${next.protocol}`)
      // The token is for the registry alone, not for the storage behind it.
      if (next.host !== url.host || next.protocol !== url.protocol) headers = withoutAuthorization(headers)
      url = next
    }
  }

  /** Closes the kept connections. */
  close(): void {
    this.plain.destroy()
    this.secure.destroy()
    for (const agent of this.tunnels.values()) agent.destroy()
  }

  private exchange(request: HttpRequest): Promise<HttpResponse> {
    const { patience, signal, proxies } = this.settings
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const proxy = proxyFor(request.url, proxies)
      const sent = this.open(request, proxy)
      const failed = (error: unknown) => {
        sent.destroy()
        reject(signal?.aborted ? signal.reason : error)
      }
      const abort = () => sent.destroy(signal!.reason as Error)
      signal?.addEventListener('abort', abort, { once: true })
      sent.on('close', () => signal?.removeEventListener('abort', abort))
      sent.on('close', () => clearInterval(watch)).on('response', () => clearInterval(watch))
      sent.setTimeout(patience, () => sent.destroy(lost(request.url, patience, 'sent nothing')))
      sent.on('error', failed)
      const pump: Pump = { stopped: false, waiting: false, starved: false }
      const watch = watchPace(sent, pump, patience, () =>
        sent.destroy(lost(request.url, patience, 'did next to nothing')),
      )
      sent.on('response', (body) => {
        // From here on, errors are those of the body, which whoever reads it meets.
        body.on('error', () => {})
        // An answer before all was sent is a refusal: the rest would be sent for nothing.
        if (!sent.writableEnded) {
          pump.stopped = true
          body.on('close', () => sent.destroy())
        }
        resolve({ method: request.method, status: body.statusCode!, headers: body.headers, url: request.url, body })
      })
      sendBody(sent, request.body, pump).catch(failed)
    })
  }

  private open({ url, method, headers, body, length }: HttpRequest, proxy: URL | undefined): ClientRequest {
    const size = body instanceof Uint8Array ? body.length : length
    const all: OutgoingHttpHeaders = {
      'User-Agent': 'tare',
      ...headers,
      ...(size === undefined ? {} : { 'Content-Length': size }),
    }
    if (body === undefined && method !== 'GET' && method !== 'HEAD') all['Content-Length'] = 0
    if (proxy === undefined) {
      const secure = url.protocol === 'https:'
      const agent = secure ? this.secure : this.plain
      return (secure ? https : http).request(url, { method, headers: all, agent })
    }
    if (url.protocol === 'http:') {
      const own = proxy.username === '' ? {} : { 'Proxy-Authorization': basicOf(proxy) }
      return http.request(proxy, { method, path: url.href, headers: { Host: url.host, ...own, ...all } })
    }
    return https.request(url, { method, headers: all, agent: this.through(proxy) })
  }

  private through(proxy: URL): https.Agent {
    let agent = this.tunnels.get(proxy.href)
    if (agent === undefined) {
      const { unchecked, trust } = this.settings
      const createConnection = connectThrough(proxy, { rejectUnauthorized: !unchecked, ...trust })
      agent = Object.assign(new https.Agent({ keepAlive: true }), { createConnection })
      this.tunnels.set(proxy.href, agent)
    }
    return agent
  }
}

/** What went wrong at the place that a redirect led to. */
export class RedirectFailure extends Error {
  readonly host: string
  readonly code: string | undefined

  constructor({ host }: URL, cause: unknown) {
    super(messageOf(cause), { cause })
    this.host = host
    this.code = systemCode(cause)
  }
}

/** Gives up a body, and with it the connection where much of it is still to come. */
export function discard({ body, headers, status, method }: HttpResponse): void {
  const length = method === 'HEAD' || status === 204 ? 0 : Number(headers['content-length'] ?? 0)
  if (length > 1 << 16) body.destroy()
  else body.resume()
}

interface Pump {
  /** The answer is there: the rest of the body is not wanted. */
  stopped: boolean
  /** The body's next bytes are not there yet. */
  waiting: boolean
  /** They were waited for since this was looked at last: the pace was ours. */
  starved: boolean
}

// Less than this goes to nobody who means to take it all.
const leastBytesPerWindow = 16 << 10

/** Gives up on a server that takes a body, or tells its answer's head, byte by byte: each one starts the socket's patience anew. */
function watchPace(sent: ClientRequest, pump: Pump, patience: number, giveUp: () => void): NodeJS.Timeout {
  let before: number | undefined
  return setInterval(() => {
    const { bytesWritten = 0, writableLength = 0 } = sent.socket ?? {}
    const now = bytesWritten - writableLength
    if (!pump.waiting && !pump.starved && before !== undefined && now - before < leastBytesPerWindow) giveUp()
    before = now
    pump.starved = false
  }, patience)
}

async function sendBody(sent: ClientRequest, body: Uint8Array | Bytes | undefined, pump: Pump): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    sent.end(body)
    return
  }
  pump.waiting = true
  for await (const chunk of body) {
    if (sent.destroyed || pump.stopped) return
    pump.waiting = false
    if (!sent.write(chunk)) await drained(sent)
    pump.waiting = true
    pump.starved = true
  }
  pump.waiting = false
  if (!sent.destroyed && !pump.stopped) sent.end()
}

function drained(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      sent.off('drain', done)
      sent.off('close', done)
      resolve()
    }
    sent.on('drain', done)
    sent.on('close', done)
  })
}

function withoutAuthorization(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'))
}

function lost(url: URL, patience: number, how: string): Error {
  return Object.assign(new Error(`${url.host} ${how} for ${patience / 1000} seconds`), { code: 'ETIMEDOUT' })
}
