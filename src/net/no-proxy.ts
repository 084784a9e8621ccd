import { BlockList, isIP } from 'node:net'

/**
 * Whether NO_PROXY excepts an address, as Go reads it: `*`; an IP address or a network (`10.0.0.0/8`, `fd00::/8`), which hold for
 * addresses alone; `example.com`, it and what is below it; `.example.com` and `*.example.com`, only what is below; all but networks
 * also with a port, which may be that of the scheme. Commas part them. (golang.org/x/net/http/httpproxy)
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

/** Whether an IP address is one of this machine to itself: 127.0.0.0/8, ::1. */
export function isLoopbackAddress(address: string): boolean {
  return isWithin(address, '127.0.0.0', 8) || isWithin(address, '::1', 128)
}

/** `[::1]` → `::1`; without the zone. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*?)(?:%.*)?\]$/, '$1')
}
