import type { LookupAddress } from 'node:dns'
import type { Agent, ClientRequest, OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { pinnedLookup } from './lookup.ts'
import type { HttpRequest } from './messages.ts'
import { http } from './node-http.ts'
import { basicOf, type ProxyServer } from './proxies.ts'
import type { SecureSettings, SecureWays } from './secure.ts'

/** Connections to servers, direct or through a proxy, with keep-alive. */
export class Ways {
  private readonly settings: SecureSettings
  private readonly socks = new Map<string, Agent>()
  private readonly pinned = new Map<string, readonly LookupAddress[]>()
  private straight: Agent | undefined
  private secure: Promise<SecureWays> | undefined

  constructor(settings: SecureSettings) {
    this.settings = settings
  }

  /** Resolves a host name to these addresses for plain HTTP from now on. */
  pin(hostname: string, addresses: readonly LookupAddress[]): void {
    this.pinned.set(hostname, addresses)
  }

  /** Closes idle connections. */
  close(): void {
    for (const agent of [this.straight, ...this.socks.values()]) agent?.destroy()
    this.secure?.then((ways) => ways.close()).catch(() => {})
  }

  /** Returns a function that starts the request, once the modules it needs are loaded. */
  async to(request: HttpRequest, proxy: ProxyServer | undefined): Promise<() => ClientRequest> {
    const { url, method } = request
    const headers = headersOf(request)
    if (url.protocol === 'https:') {
      const ways = await this.secureWays()
      return () => ways.request(url, { method, headers }, proxy)
    }
    if (proxy === undefined) return () => http().request(url, { method, headers, agent: this.plain() })
    if (proxy.url.protocol.startsWith('socks')) {
      const agent = this.socksAgent(proxy)
      return () => http().request(url, { method, headers, agent })
    }
    const own = proxy.url.username === '' ? {} : { 'Proxy-Authorization': basicOf(proxy.url) }
    const options = { method, path: url.href, headers: { Host: url.host, ...own, ...headers } }
    // The proxy gets an absolute URL as the request path; only its own host and port are used to connect.
    const { hostname, port } = new URL(proxy.url)
    const at = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port }
    // Some proxies close connections without announcing it, so these are not reused.
    if (proxy.url.protocol === 'http:') return () => http().request({ ...at, ...options, agent: new (http().Agent)() })
    const ways = await this.secureWays()
    return () => ways.requestOfProxy(proxy, options)
  }

  private plain(): Agent {
    this.straight ??= new (http().Agent)({ keepAlive: true, ...{ lookup: pinnedLookup(this.pinned) } })
    return this.straight
  }

  private socksAgent(proxy: ProxyServer): Agent {
    let agent = this.socks.get(proxy.url.href)
    if (agent === undefined) {
      const createConnection = (
        { host, port }: { readonly host?: string | null; readonly port?: number | string | null },
        done: (error: Error | null, socket: Socket) => void,
      ): undefined => {
        this.tunnel(proxy, { host: host ?? '', port: Number(port ?? 80) }).then(
          (socket) => done(null, socket),
          (error: Error) => done(error, undefined as unknown as Socket),
        )
        return undefined
      }
      agent = Object.assign(new (http().Agent)({ keepAlive: true }), { createConnection })
      this.socks.set(proxy.url.href, agent)
    }
    return agent
  }

  private async tunnel(proxy: ProxyServer, at: { readonly host: string; readonly port: number }): Promise<Socket> {
    const { openTunnel } = await import('./tunnel.ts')
    const { connectToProxy } = await this.secureWays()
    return openTunnel(proxy, at, { secure: connectToProxy, idleTimeout: this.settings.idleTimeout })
  }

  // Loading TLS takes as long as the rest of HTTP, and the CAs may be hundreds of files; a plain-HTTP registry needs neither.
  private secureWays(): Promise<SecureWays> {
    this.secure ??= import('./secure.ts').then(({ SecureWays }) => new SecureWays(this.settings))
    return this.secure
  }
}

function headersOf({ method, headers, body, length }: HttpRequest): OutgoingHttpHeaders {
  const size = body instanceof Uint8Array ? body.length : length
  return {
    'User-Agent': 'tare',
    ...headers,
    ...(size === undefined ? {} : { 'Content-Length': size }),
    ...(body === undefined && method !== 'GET' && method !== 'HEAD' ? { 'Content-Length': 0 } : {}),
  }
}
