import type { LookupAddress } from 'node:dns'
import type { ClientRequest, OutgoingHttpHeaders } from 'node:http'
import { type Bytes, messageOf, systemCode } from '../support/index.ts'
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
  /** Milliseconds without a byte in either direction after which a connection counts as lost. */
  readonly idleTimeout: number
  readonly proxies: ProxyRules
  readonly signal?: AbortSignal | undefined
}

const mostRedirects = 5

/** Speaks HTTP/1.1 over kept connections, follows redirects, and takes no Authorization to another host. */
export class Http {
  private readonly settings: HttpSettings
  private readonly ways: Ways

  constructor(settings: HttpSettings) {
    this.settings = settings
    this.ways = new Ways(settings)
  }

  /** From now on, a name is at these addresses, for plain HTTP: those that it was judged by. */
  pin(hostname: string, addresses: readonly LookupAddress[]): void {
    this.ways.pin(hostname, addresses)
  }

  /** Whether an address is reached through a proxy. */
  isProxied(url: URL): boolean {
    return proxyFor(url, this.settings.proxies) !== undefined
  }

  get idleTimeout(): number {
    return this.settings.idleTimeout
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
    this.ways.close()
  }

  /** What is configured for an endpoint goes along to it, and to none that it leads on to. */
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
      // Without a tunnel, the proxy itself is what is connected to.
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
        sent.destroy(lost(request.url, idleTimeout, 'did next to nothing')),
      )
      sent.on('response', (body) => {
        // From here on, errors are those of the body, which whoever reads it meets.
        body.on('error', () => {})
        // An answer before all was sent is a refusal: the rest would be sent for nothing.
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

/** What goes wrong on the way to a proxy is told of it. */
function failureOf(proxy: ProxyServer, error: unknown): unknown {
  return error instanceof ProxyFailure || systemCode(error) === undefined ? error : unreached(proxy, error)
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

function lost(url: URL, idleTimeout: number, how: string): Error {
  return Object.assign(new Error(`${url.host} ${how} for ${idleTimeout / 1000} seconds`), { code: 'ETIMEDOUT' })
}
