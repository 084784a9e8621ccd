import type { LookupAddress } from 'node:dns'
import type { ClientRequest, OutgoingHttpHeaders } from 'node:http'
import { type Bytes, drained, messageOf, systemCode } from '../support/index.ts'
import type { HttpRequest, HttpResponse } from './messages.ts'
import {
  nameOfProxy,
  ProxyFailure,
  type ProxyRules,
  type ProxyServer,
  proxyFor,
  refusalOf,
  unreached,
} from './proxies.ts'
import type { SecureSettings } from './secure.ts'
import { Ways } from './ways.ts'

export interface HttpSettings extends SecureSettings {
  /** Milliseconds without data in either direction after which a connection counts as lost. */
  readonly idleTimeout: number
  readonly proxies: ProxyRules
  readonly signal?: AbortSignal | undefined
}

const mostRedirects = 5

/** An HTTP/1.1 client that reuses connections, follows redirects, and never sends Authorization to another host. */
export class Http {
  private readonly settings: HttpSettings
  private readonly ways: Ways

  constructor(settings: HttpSettings) {
    this.settings = settings
    this.ways = new Ways(settings)
  }

  /** Resolves a host name to these addresses for plain HTTP from now on: the addresses that were checked. */
  pin(hostname: string, addresses: readonly LookupAddress[]): void {
    this.ways.pin(hostname, addresses)
  }

  /** Whether a URL is reached through a proxy. */
  isProxied(url: URL): boolean {
    return proxyFor(url, this.settings.proxies) !== undefined
  }

  get idleTimeout(): number {
    return this.settings.idleTimeout
  }

  /** Sends a request and returns the response, whatever its status. Rejects with the system's error if there is none. */
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
      // The token is meant for the registry, not for the storage it redirects to.
      if (!isSameEndpoint(next, url)) headers = withoutAuthorization(headers)
      url = next
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.ways.close()
  }

  /** Applies an endpoint's configuration to requests for that endpoint only, not to redirect targets. */
  private withOwn(request: HttpRequest): HttpRequest {
    const { own } = this.settings.trust
    if (own === undefined || own.origin !== request.url.origin) return request
    return { ...request, headers: { ...(own.headers as OutgoingHttpHeaders), ...request.headers } }
  }

  private async exchange(request: HttpRequest): Promise<HttpResponse> {
    const { idleTimeout, signal } = this.settings
    const proxy = proxyFor(request.url, this.settings.proxies)
    const send = await this.ways.to(this.withOwn(request), proxy)
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      // Without a tunnel, the connection goes to the proxy itself.
      const asksItself = proxy !== undefined && request.url.protocol === 'http:'
      const sent = send()
      const failed = (error: unknown) => {
        sent.destroy()
        reject(signal?.aborted ? signal.reason : asksItself ? failureOf(proxy!, error) : error)
      }
      const abort = () => sent.destroy(signal!.reason as Error)
      signal?.addEventListener('abort', abort, { once: true })
      sent.on('close', () => signal?.removeEventListener('abort', abort))
      sent.on('close', () => clearInterval(watch)).on('response', () => clearInterval(watch))
      sent.setTimeout(idleTimeout, () => sent.destroy(lost(request.url, idleTimeout, 'sent nothing')))
      sent.on('error', failed)
      const pump: Pump = { stopped: false, waiting: false, starved: false }
      const watch = watchPace(sent, pump, idleTimeout, () =>
        sent.destroy(lost(request.url, idleTimeout, 'was nearly idle')),
      )
      sent.on('response', (body) => {
        // Later errors belong to the body, and are reported to its reader.
        body.on('error', () => {})
        // A response before the request was sent completely is a refusal; sending the rest would be pointless.
        if (!sent.writableEnded) {
          pump.stopped = true
          body.on('close', () => sent.destroy())
        }
        const { statusCode: status = 0, headers } = body
        if (asksItself && status === 407) {
          failed(new ProxyFailure(proxy, refusalOf(status, `${request.method} ${request.url.origin}`), { status }))
          return
        }
        const through = asksItself ? { proxy: nameOfProxy(proxy) } : {}
        resolve({ method: request.method, status, headers, url: request.url, ...through, body })
      })
      sendBody(sent, request.body, pump).catch(failed)
    })
  }
}

/** Attributes connection errors on the way to a proxy to the proxy. */
function failureOf(proxy: ProxyServer, error: unknown): unknown {
  return error instanceof ProxyFailure || systemCode(error) === undefined ? error : unreached(proxy, error)
}

/** Whether two URLs have the same scheme, host and port. */
export function isSameEndpoint(one: URL, other: URL): boolean {
  return one.protocol === other.protocol && one.host === other.host
}

/** Returns the target of a redirect, if the request can be repeated there unchanged. */
function redirectOf({ method, body, confined }: HttpRequest, { status, headers, url }: HttpResponse): URL | undefined {
  const isRead = method === 'GET' || method === 'HEAD'
  const keeps = status === 307 || status === 308
  if (!keeps && !(isRead && [301, 302, 303].includes(status))) return undefined
  if (headers.location === undefined || !(body === undefined || body instanceof Uint8Array)) return undefined
  if (!URL.canParse(headers.location, url.href)) throw new Error(`${url.host} redirects to an invalid URL`)
  const next = new URL(headers.location, url)
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw new Error(`${url.host} redirects to ${next.protocol}`)
  return confined === true && !isSameEndpoint(next, url) ? undefined : next
}

/** A failure at the target of a redirect. */
export class RedirectFailure extends Error {
  readonly host: string
  readonly code: string | undefined

  constructor({ host }: URL, cause: unknown) {
    super(messageOf(cause), { cause })
    this.host = host
    this.code = systemCode(cause)
  }
}

/** Abandons a body, closing the connection if much of it is outstanding. */
export function discard({ body, headers, status, method }: HttpResponse): void {
  const length = method === 'HEAD' || status === 204 ? 0 : Number(headers['content-length'] ?? 0)
  if (length > 1 << 16) body.destroy()
  else body.resume()
}

interface Pump {
  /** The response has arrived: stop sending the body. */
  stopped: boolean
  /** The body's next bytes are not available yet. */
  waiting: boolean
  /** We were waiting for our own data since the last check, so the server is not to blame. */
  starved: boolean
}

// A server that accepts less than this per window is considered stalled.
const leastBytesPerWindow = 16 << 10

/** Aborts when a server reads the body or sends the response headers byte by byte: each byte would restart the socket's own timeout. */
function watchPace(sent: ClientRequest, pump: Pump, idleTimeout: number, giveUp: () => void): NodeJS.Timeout {
  let before: number | undefined
  return setInterval(() => {
    const { bytesWritten = 0, writableLength = 0 } = sent.socket ?? {}
    const now = bytesWritten - writableLength
    if (!pump.waiting && !pump.starved && before !== undefined && now - before < leastBytesPerWindow) giveUp()
    before = now
    pump.starved = false
  }, idleTimeout)
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

function withoutAuthorization(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'))
}

function lost(url: URL, idleTimeout: number, how: string): Error {
  return Object.assign(new Error(`${url.host} ${how} for ${idleTimeout / 1000} seconds`), { code: 'ETIMEDOUT' })
}
