import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import type { Environment } from './environment.ts'
import { basicOf } from './proxy.ts'
import { readTrust } from './trust.ts'

export interface SecureSettings {
  /** Certificates are not checked. */
  readonly unchecked: boolean
  /** Whose certificates count: those that are kept for this host, and those that the environment names. */
  readonly trust: { readonly host: string; readonly environment: Environment }
}

/** Ways to servers that speak TLS: straight, or through a proxy. They know whom to believe and what to show. */
export class SecureWays {
  private readonly options: tls.ConnectionOptions
  private readonly straight: https.Agent
  private readonly tunnels = new Map<string, https.Agent>()

  /** Throws `CERTIFICATES_INVALID`. */
  constructor({ unchecked, trust }: SecureSettings) {
    const { host, environment } = trust
    // Once for all connections: reading hundreds of authorities takes longer than a handshake.
    const secureContext = tls.createSecureContext(readTrust(host, environment))
    this.options = { rejectUnauthorized: !unchecked, secureContext }
    this.straight = new https.Agent({ keepAlive: true, ...this.options })
  }

  request(url: URL, options: http.RequestOptions, proxy: URL | undefined): http.ClientRequest {
    return https.request(url, { ...options, agent: proxy === undefined ? this.straight : this.through(proxy) })
  }

  /** Closes the kept connections. */
  close(): void {
    for (const agent of [this.straight, ...this.tunnels.values()]) agent.destroy()
  }

  private through(proxy: URL): https.Agent {
    let agent = this.tunnels.get(proxy.href)
    if (agent === undefined) {
      const createConnection = connectThrough(proxy, this.options)
      agent = Object.assign(new https.Agent({ keepAlive: true }), { createConnection })
      this.tunnels.set(proxy.href, agent)
    }
    return agent
  }
}

/** What an agent makes its connections with when they lead through a proxy's CONNECT. */
function connectThrough(proxy: URL, options: tls.ConnectionOptions) {
  return (
    { host, port }: { readonly host?: string | null; readonly port?: number | string | null },
    done: (error: Error | null, socket: Duplex) => void,
  ): undefined => {
    const target = `${host}:${port ?? 443}`
    // An address is no name that a server could have several certificates for.
    const named = isIP(host ?? '') === 0 ? { servername: host ?? '' } : {}
    const headers = { Host: target, ...(proxy.username === '' ? {} : { 'Proxy-Authorization': basicOf(proxy) }) }
    const way = { host: proxy.hostname, port: proxy.port || 80 }
    const asked = http.request({ ...way, method: 'CONNECT', path: target, headers, agent: false })
    const fail = (error: Error) => done(error, undefined as unknown as Duplex)
    asked.on('connect', ({ statusCode }, socket) => {
      if (statusCode !== 200) {
        socket.destroy()
        fail(new Error(`the proxy ${proxy.host} answers ${statusCode} to CONNECT ${target}`))
        return
      }
      const secure = tls.connect({ ...options, socket, host: host ?? '', ...named }, () => done(null, secure))
      secure.on('error', fail)
    })
    asked.on('error', fail)
    asked.end()
    return undefined
  }
}
