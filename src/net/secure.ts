import type * as http from 'node:http'
import * as https from 'node:https'
import { isIP, type Socket } from 'node:net'
import * as tls from 'node:tls'
import { systemCode } from '../support/index.ts'
import { allAuthorities } from './authorities.ts'
import type { Environment } from './environment.ts'
import { isDistrust } from './failure.ts'
import type { ProxyServer } from './proxies.ts'
import { type HostSettings, readTrust, type Trust, trustOf } from './trust.ts'
import { type Destination, openTunnel } from './tunnel.ts'

export interface SecureSettings {
  /** Certificates are not verified. */
  readonly unchecked: boolean
  /** Trust settings: those for this host, and those from the environment. */
  readonly trust: {
    readonly host: string
    readonly environment: Environment
    /** Further settings for an endpoint; its CAs also apply to servers it redirects to. */
    readonly own?: HostSettings | undefined
  }
  /** Milliseconds allowed for establishing a connection. */
  readonly idleTimeout: number
}

/** The target an agent is asked to connect to. `endpoint` is the host as certs.d spells it. */
type Asked = { readonly host?: string | null; readonly port?: number | string | null } & { readonly endpoint?: string }

/** TLS connections to servers, direct or through a proxy, with each endpoint's CAs and client certificates. */
export class SecureWays {
  private readonly settings: SecureSettings
  private readonly agents = new Map<string, https.Agent>()
  private readonly believed = new Map<string, Belief>()

  constructor(settings: SecureSettings) {
    this.settings = settings
  }

  request(url: URL, options: http.RequestOptions, proxy: ProxyServer | undefined): http.ClientRequest {
    return https.request(url, { ...options, agent: this.agentFor(proxy), ...{ endpoint: url.host } })
  }

  /** Starts a plain HTTP request to a proxy that itself speaks TLS. */
  requestOfProxy({ url }: ProxyServer, options: http.RequestOptions): http.ClientRequest {
    return https.request(url, { ...options, agent: this.agentFor(undefined), ...{ endpoint: url.host } })
  }

  /** Connects to such a proxy. */
  readonly connectToProxy = ({ url }: ProxyServer, at: Destination): Promise<Socket> =>
    this.connect(at, url.host, undefined)

  /** Closes idle connections. */
  close(): void {
    for (const agent of this.agents.values()) agent.destroy()
  }

  private agentFor(proxy: ProxyServer | undefined): https.Agent {
    const key = proxy?.url.href ?? ''
    let agent = this.agents.get(key)
    if (agent === undefined) {
      const createConnection = (
        { host, port, endpoint }: Asked,
        done: (error: Error | null, socket: Socket) => void,
      ): undefined => {
        const destination = { host: host ?? '', port: Number(port ?? 443) }
        this.connect(destination, endpoint ?? destination.host, proxy).then(
          (socket) => done(null, socket),
          (error: Error) => done(error, undefined as unknown as Socket),
        )
        return undefined
      }
      agent = Object.assign(new https.Agent({ keepAlive: true }), { createConnection })
      this.agents.set(key, agent)
    }
    return agent
  }

  /** Starts with the host's own CAs, or Node's, and retries with all known ones: reading those takes longer than a handshake. */
  private async connect(
    destination: Destination,
    endpoint: string,
    proxy: ProxyServer | undefined,
  ): Promise<tls.TLSSocket> {
    const belief = this.beliefIn(endpoint)
    try {
      return await this.shakeHands(destination, belief.context(), proxy)
    } catch (error) {
      if (!isDistrust(systemCode(error)) || !belief.widen()) throw error
      return this.shakeHands(destination, belief.context(), proxy)
    }
  }

  private beliefIn(endpoint: string): Belief {
    const { trust } = this.settings
    const known = this.believed.get(endpoint) ?? new Belief(endpoint, trust)
    this.believed.set(endpoint, known)
    return known
  }

  private async shakeHands(
    { host, port }: Destination,
    secureContext: tls.SecureContext,
    proxy: ProxyServer | undefined,
  ): Promise<tls.TLSSocket> {
    const { unchecked, idleTimeout } = this.settings
    const tunnel = { secure: this.connectToProxy, idleTimeout }
    const way = proxy === undefined ? { port } : { socket: await openTunnel(proxy, { host, port }, tunnel) }
    // SNI does not apply to IP addresses.
    const named = isIP(host) === 0 ? { servername: host } : {}
    const options = {
      host,
      ...way,
      ...named,
      secureContext,
      rejectUnauthorized: !unchecked,
      ALPNProtocols: ['http/1.1'],
    }
    return new Promise((resolve, reject) => {
      const socket = tls.connect(options)
      const late = () => {
        const why = new Error(`no connection within ${idleTimeout / 1000} seconds`)
        socket.destroy(Object.assign(why, { code: 'ETIMEDOUT' }))
      }
      const ended = () => reject(Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' }))
      socket.setTimeout(idleTimeout, late)
      socket.once('error', reject).once('close', ended)
      socket.once('secureConnect', () => {
        socket.setTimeout(0)
        socket.off('timeout', late).off('error', reject).off('close', ended)
        resolve(socket)
      })
    })
  }
}

const nothing: Trust = { authorities: [] }

/** The CAs and client certificates for one endpoint. */
class Belief {
  private readonly endpoint: string
  private readonly trust: SecureSettings['trust']
  private made: tls.SecureContext | undefined
  private isWide = false

  /** `trust` belongs to the host that led to the endpoint: its CAs also apply to servers it redirects to. */
  constructor(endpoint: string, trust: SecureSettings['trust']) {
    this.endpoint = endpoint
    this.trust = trust
  }

  /** Throws `CERTIFICATES_INVALID`. */
  context(): tls.SecureContext {
    this.made ??= this.make()
    return this.made
  }

  /** Adds all CAs known to the system. Returns false if that was already done. */
  widen(): boolean {
    if (this.isWide) return false
    this.isWide = true
    this.made = undefined
    return true
  }

  private make(): tls.SecureContext {
    const { endpoint } = this
    const { host, environment, own } = this.trust
    const kept = readTrust(endpoint, environment)
    const configured = own === undefined ? nothing : trustOf(own)
    const more = endpoint === host ? [] : readTrust(host, environment).authorities
    const named = [...new Set([...kept.authorities, ...more, ...configured.authorities])]
    const said = [kept, ...(own?.origin === `https://${endpoint}` ? [configured] : [])]
    const shown = { cert: said.flatMap(({ cert = [] }) => cert), key: said.flatMap(({ key = [] }) => key) }
    const pairs = shown.cert.length === 0 ? {} : shown
    if (this.isWide) return tls.createSecureContext({ ...pairs, ca: allAuthorities(named) })
    return tls.createSecureContext({ ...pairs, ...(named.length === 0 ? {} : { ca: named }) })
  }
}
