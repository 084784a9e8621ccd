import { BlockList, isIP } from 'node:net'

/**
 * Whether NO_PROXY matches a URL, with Go's rules: `*`; an IP address or network (`10.0.0.0/8`, `fd00::/8`), which match addresses only;
 * `example.com`, which includes subdomains; `.example.com` and `*.example.com`, subdomains only; all but networks optionally with a port, which may
 * be the scheme's default. Entries are separated by commas. (golang.org/x/net/http/httpproxy)
 */
export function isExcepted(url: URL, except: string): boolean {
  const host = withoutBrackets(url.hostname).toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return except.split(',').some((text) => {
    const entry = text.trim().toLowerCase()
    if (entry === '') return false
    if (entry === '*') return true
    const [, network = '', bits] = /^([^/]*)\/(\d{1,3})$/.exec(entry) ?? []
    if (bits !== undefined) return isWithin(host, withoutBrackets(network), Number(bits))
    const { name, only } = parse(entry)
    return (only === undefined || only === port) && covers(name, host)
  })
}

function parse(entry: string): { readonly name: string; readonly only: string | undefined } {
  if (isIP(entry) !== 0) return { name: entry, only: undefined }
  const [, name = entry, only] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? []
  return { name: withoutBrackets(name), only }
}

function covers(name: string, host: string): boolean {
  if (name === '') return false
  const family = isIP(name)
  if (family !== 0) return isWithin(host, name, family === 4 ? 32 : 128)
  const below = name.replace(/^\*(?=\.)/, '')
  return below.startsWith('.') ? host.endsWith(below) : host === below || host.endsWith(`.${below}`)
}

function isWithin(host: string, network: string, bits: number): boolean {
  const [family, other] = [isIP(network), isIP(host)]
  if (family === 0 || other === 0 || bits > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, other === 4 ? 'ipv4' : 'ipv6')
}

/** Whether an IP address is a loopback address: 127.0.0.0/8, ::1. */
export function isLoopbackAddress(address: string): boolean {
  return isWithin(address, '127.0.0.0', 8) || isWithin(address, '::1', 128)
}

/** Strips the brackets and the zone from an IPv6 host: `[::1]` → `::1`. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*?)(?:%.*)?\]$/, '$1')
}
