import { connect as connectSocket, type Socket } from 'node:net'
import { messageOf } from '../support/index.ts'
import { http } from './node-http.ts'
import { basicOf, ProxyFailure, type ProxyServer, refusalOf, unreached } from './proxies.ts'
import { requestBySocks } from './socks.ts'

export interface Destination {
  readonly host: string
  readonly port: number
}

/** Connects to a proxy over TLS. */
export type SecureProxy = (proxy: ProxyServer, destination: Destination) => Promise<Socket>

/**
 * Connects to a server through a proxy, by CONNECT or SOCKS5. `idleTimeout` (milliseconds) applies to each party. Rejects with a
 * `ProxyFailure`.
 */
export async function openTunnel(
  proxy: ProxyServer,
  destination: Destination,
  { secure, idleTimeout }: { readonly secure: SecureProxy; readonly idleTimeout: number },
): Promise<Socket> {
  const { url } = proxy
  const socks = url.protocol.startsWith('socks')
  const port = Number(url.port) || (socks ? 1080 : url.protocol === 'https:' ? 443 : 80)
  const at = { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port }
  let socket: Socket
  try {
    socket = url.protocol === 'https:' ? await secure(proxy, at) : await connect(at, idleTimeout)
  } catch (error) {
    throw unreached(proxy, error)
  }
  const late = () => socket.destroy(new Error(`has not responded within ${idleTimeout / 1000} seconds`))
  socket.setTimeout(idleTimeout, late)
  try {
    if (socks) await requestBySocks(socket, url, destination)
    else await requestByConnect(socket, proxy, destination)
  } catch (error) {
    socket.destroy()
    throw error instanceof ProxyFailure ? error : new ProxyFailure(proxy, messageOf(error), { cause: error })
  }
  socket.setTimeout(0)
  socket.off('timeout', late)
  return socket
}

function connect(destination: Destination, idleTimeout: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(destination)
    const late = () => socket.destroy(new Error(`no connection within ${idleTimeout / 1000} seconds`))
    socket.setTimeout(idleTimeout, late)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('timeout', late).off('error', reject)
      resolve(socket)
    })
  })
}

function requestByConnect(socket: Socket, proxy: ProxyServer, { host, port }: Destination): Promise<void> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const own = proxy.url.username === '' ? {} : { 'Proxy-Authorization': basicOf(proxy.url) }
  return new Promise((resolve, reject) => {
    const createConnection = () => socket
    const headers = { Host: target, ...own }
    const asked = http().request({ method: 'CONNECT', path: target, headers, createConnection })
    asked.on('connect', ({ statusCode = 0 }, _, head) => {
      // Some servers send data first.
      if (head.length > 0) socket.unshift(head)
      if (statusCode >= 200 && statusCode < 300) resolve()
      else reject(new ProxyFailure(proxy, refusalOf(statusCode, `CONNECT ${target}`), { status: statusCode }))
    })
    asked.on('error', reject)
    asked.end()
  })
}
