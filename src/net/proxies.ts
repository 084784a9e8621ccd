import { systemCode, TareError } from '../support/index.ts'
import type { Environment } from './environment.ts'
import { isExcepted, isLoopbackAddress, withoutBrackets } from './no-proxy.ts'

/** The proxies configured in the environment. */
export interface ProxyRules {
  readonly http?: NamedProxy | undefined
  readonly https?: NamedProxy | undefined
  /** Hosts that are reached directly: see `isExcepted`. */
  readonly except?: string | undefined
}

interface NamedProxy {
  readonly text: string
  /** The variable's name, such as `HTTPS_PROXY`. */
  readonly variable: string
}

/** A proxy between us and a server. */
export interface ProxyServer {
  readonly url: URL
  readonly variable: string
}

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case. */
export function readProxies(environment: Environment): ProxyRules {
  const find = (name: string): NamedProxy | undefined => {
    const variable = [name, name.toLowerCase()].find((each) => environment[each]?.trim())
    return variable === undefined ? undefined : { variable, text: environment[variable]!.trim() }
  }
  return { http: find('HTTP_PROXY'), https: find('HTTPS_PROXY'), except: find('NO_PROXY')?.text }
}

const schemes = ['http:', 'https:', 'socks5:', 'socks5h:']

/** Returns the proxy for a URL; undefined for a direct connection, always used for loopback addresses. Throws `PROXY_INVALID`. */
export function proxyFor(url: URL, rules: ProxyRules): ProxyServer | undefined {
  const named = url.protocol === 'https:' ? rules.https : rules.http
  if (named === undefined || isLoopback(url.hostname) || isExcepted(url, rules.except ?? '')) return undefined
  const { text, variable } = named
  const address = text.includes('://') ? text : `http://${text}`
  const parsed = URL.canParse(address) ? new URL(address) : undefined
  if (parsed !== undefined && schemes.includes(parsed.protocol) && parsed.hostname !== '')
    return { url: parsed, variable }
  // The value may contain a password, so it is not shown.
  throw new TareError('PROXY_INVALID', `${variable} is not a proxy URL`, {
    remedy: 'Write it as http://HOST:PORT; https://, socks5:// and socks5h:// are supported too.',
  })
}

/** Whether a URL's host is this machine, judged without a lookup. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host).toLowerCase()
  return name === 'localhost' || isLoopbackAddress(name)
}

/** Returns the value of a Basic authorization header for a URL's user and password. */
export function basicOf({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
}

/** A failure of a proxy rather than of the server behind it. */
export class ProxyFailure extends Error {
  /** The proxy and its variable: `proxy.example:3128 (HTTPS_PROXY)`. */
  readonly proxy: string
  readonly variable: string
  readonly status: number | undefined
  /** The system error code of the connection to it. */
  readonly code: string | undefined

  constructor(proxy: ProxyServer, what: string, more: { readonly cause?: unknown; readonly status?: number } = {}) {
    super(`the proxy ${nameOfProxy(proxy)} ${what}`, more.cause === undefined ? undefined : { cause: more.cause })
    this.proxy = nameOfProxy(proxy)
    this.variable = proxy.variable
    this.status = more.status
    this.code = systemCode(more.cause)
  }
}

export function nameOfProxy({ url, variable }: ProxyServer): string {
  return `${url.host} (${variable})`
}

/** Returns the error for a proxy that cannot be reached or has gone away. */
export function unreached(proxy: ProxyServer, error: unknown): ProxyFailure {
  const isBroken = ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '')
  return new ProxyFailure(proxy, isBroken ? 'broke off' : 'cannot be reached', { cause: error })
}

/** Explains a proxy's status, phrased to follow its name. */
export function refusalOf(status: number, request: string): string {
  if (status === 407) return `requires a user name and a password (407 to ${request})`
  return `answers ${status} to ${request}`
}
