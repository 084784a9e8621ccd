/** Proxies, as the environment names them. */
export interface ProxyRules {
  readonly http?: string | undefined
  readonly https?: string | undefined
  /** Hosts that are reached without: `localhost,.corp.example,10.1.2.3:5000`, or `*`. */
  readonly except?: string | undefined
}

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in either case of letters. */
export function readProxies(environment: Readonly<Record<string, string | undefined>>): ProxyRules {
  const value = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined
  return { http: value('HTTP_PROXY'), https: value('HTTPS_PROXY'), except: value('NO_PROXY') }
}

/** The proxy on the way to an address; undefined for the straight way. This machine itself needs none. */
export function proxyFor(url: URL, rules: ProxyRules): URL | undefined {
  const text = url.protocol === 'https:' ? rules.https : rules.http
  if (text === undefined || isLoopback(url.hostname) || isExcepted(url, rules.except ?? '')) return undefined
  return new URL(text.includes('://') ? text : `http://${text}`)
}

/** Whether a host is this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(?:\.\d+){3}$/.test(host)
}

function isExcepted(url: URL, except: string): boolean {
  return except.split(',').some((entry) => {
    const [, name = '', port] = /^\s*\.?(.*?)(?::(\d+))?\s*$/.exec(entry) ?? []
    if (name === '*') return true
    if (name === '' || (port !== undefined && port !== url.port)) return false
    return url.hostname === name || url.hostname.endsWith(`.${name}`)
  })
}

/** `Basic …` of an address's user and password. */
export function basicOf({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
}
