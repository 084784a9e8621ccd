import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import * as http from 'node:http'
import { type Bytes, messageOf, systemCode } from '../support/index.ts'
import { basicOf, type ProxyRules, proxyFor } from './proxy.ts'
import type { SecureSettings, SecureWays } from './secure.ts'

/** One question to a server. A flowing body needs its `length`, unless the server may not know it. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: Uint8Array | Bytes | undefined
  readonly length?: number | undefined
  /** The body is for this endpoint alone: no redirect takes it to another. */
  readonly confined?: boolean | undefined
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

export interface HttpSettings extends SecureSettings {
  /** Milliseconds without a byte in either direction after which a connection counts as lost. */
  readonly patience: number
  readonly proxies: ProxyRules
  readonly signal?: AbortSignal | undefined
}

const mostRedirects = 5

/** Speaks HTTP/1.1 over kept connections, follows redirects, and takes no Authorization to another host. */
export class Http {
  private readonly settings: HttpSettings
  private readonly plain = new http.Agent({ keepAlive: true })
  private secure: Promise<SecureWays> | undefined

  constructor(settings: HttpSettings) {
    this.settings = settings
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
      const next = redirectOf(request, response)
      if (next === undefined) return response
      discard(response)
      if (hops === mostRedirects) throw new Error(`${request.url.host} redirects more than ${mostRedirects} times`)
      // The token is for the registry alone, not for the storage behind it.
      if (!isSameEndpoint(next, url)) headers = withoutAuthorization(headers)
      url = next
    }
  }

  /** Closes the kept connections. */
  close(): void {
    this.plain.destroy()
    this.secure?.then((ways) => ways.close()).catch(() => {})
  }

  private async exchange(request: HttpRequest): Promise<HttpResponse> {
    const { patience, signal } = this.settings
    const secure = request.url.protocol === 'https:' ? await this.secureWays() : undefined
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const sent = this.open(request, secure)
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

  private open({ url, method, headers, body, length }: HttpRequest, secure: SecureWays | undefined): ClientRequest {
    const size = body instanceof Uint8Array ? body.length : length
    const all: OutgoingHttpHeaders = {
      'User-Agent': 'tare',
      ...headers,
      ...(size === undefined ? {} : { 'Content-Length': size }),
    }
    if (body === undefined && method !== 'GET' && method !== 'HEAD') all['Content-Length'] = 0
    const proxy = proxyFor(url, this.settings.proxies)
    if (secure !== undefined) return secure.request(url, { method, headers: all }, proxy)
    if (proxy === undefined) return http.request(url, { method, headers: all, agent: this.plain })
    const own = proxy.username === '' ? {} : { 'Proxy-Authorization': basicOf(proxy) }
    return http.request(proxy, { method, path: url.href, headers: { Host: url.host, ...own, ...all } })
  }

  // TLS takes as long to load as all else of HTTP, and authorities may be hundreds of files: a registry on this machine needs neither.
  private secureWays(): Promise<SecureWays> {
    this.secure ??= import('./secure.ts').then(({ SecureWays }) => new SecureWays(this.settings))
    return this.secure
  }
}

/** Whether two addresses are of the same scheme, host and port. */
export function isSameEndpoint(one: URL, other: URL): boolean {
  return one.protocol === other.protocol && one.host === other.host
}

/** Where a response leads on to, for a request that can be sent there as it is. */
function redirectOf({ method, body, confined }: HttpRequest, { status, headers, url }: HttpResponse): URL | undefined {
  const isRead = method === 'GET' || method === 'HEAD'
  const keeps = status === 307 || status === 308
  if (!keeps && !(isRead && [301, 302, 303].includes(status))) return undefined
  if (headers.location === undefined || !(body === undefined || body instanceof Uint8Array)) return undefined
  if (!URL.canParse(headers.location, url.href)) throw new Error(`${url.host} redirects to what is no address`)
  const next = new URL(headers.location, url)
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw new Error(`${url.host} redirects to ${next.protocol}`)
  return confined === true && !isSameEndpoint(next, url) ? undefined : next
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
