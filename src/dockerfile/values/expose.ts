import type { TareError } from '../../support/index.ts'
import { type Finding, findings } from '../checks/index.ts'
import { cut, quote, refusal } from '../language/index.ts'

export interface ExposedPorts {
  /** `80/tcp`, one entry for each port of a range. */
  readonly ports: readonly string[]
  readonly findings: readonly Finding[]
}

/**
 * Parses one expanded word of an EXPOSE: `[ip:][host:]port[-last][/tcp|udp|sctp]`. The address and host port have no effect on
 * the image, but must be valid. Throws DOCKERFILE_EXPOSE without a location.
 */
export function parseExpose(text: string): ExposedPorts {
  const parts = text.split(':')
  const containerPart = parts.at(-1)!
  const host = parts.at(-2) ?? ''
  const address = parts.slice(0, -2).join(':')
  const { range, protocol } = splitProtocol(containerPart, text)
  if (address !== '') checkAddress(address)
  const [first, last] = readRange(range) ?? refuse(`invalid containerPort: ${range}`)
  if (host !== '') {
    const [hostFirst, hostLast] = readRange(host) ?? refuse(`invalid hostPort: ${host}`)
    if (last - first !== hostLast - hostFirst && last !== first) {
      throw wrong(`invalid ranges specified for container and host Ports: ${range} and ${host}`)
    }
  }
  const found: Finding[] = []
  if (protocol !== protocol.toLowerCase()) found.push(findings.exposeProtoCasing(text))
  if (address !== '' || host !== '') found.push(findings.exposeInvalidFormat(text))
  const ports = Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol.toLowerCase()}`)
  return { ports, findings: found }
}

function splitProtocol(part: string, text: string): { range: string; protocol: string } {
  const [range, protocol] = cut(part, '/')
  if (range === '') throw wrong(`invalid port: ${quote(text)}: no port specified`)
  if (!['', 'tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) {
    throw wrong(`invalid port: ${quote(text)}: invalid proto: ${protocol}`)
  }
  return { range, protocol: protocol || 'tcp' }
}

function readRange(text: string): [first: number, last: number] | undefined {
  const [start, end, isRange] = cut(text, '-')
  const first = readPort(start)
  const last = isRange ? readPort(end) : first
  return first === undefined || last === undefined || last < first ? undefined : [first, last]
}

function readPort(text: string): number | undefined {
  const port = /^\+?\d+$/.test(text) ? Number(text) : Number.NaN
  return port <= 65535 ? port : undefined
}

function checkAddress(address: string): void {
  const bare = /^\[(.*)\]$/.exec(address)?.[1] ?? address
  if (!isIpv4(bare) && !isIpv6(bare)) throw wrong(`invalid IP address: ${bare}`)
}

function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
}

function isIpv6(text: string): boolean {
  const tail = text.slice(text.lastIndexOf(':') + 1)
  const plain = isIpv4(tail) ? `${text.slice(0, -tail.length)}0:0` : text
  const halves = plain.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return false
  return halves.length === 2 ? groups.length < 8 : groups.length === 8
}

function refuse(message: string): never {
  throw wrong(message)
}

function wrong(message: string): TareError {
  return refusal('DOCKERFILE_EXPOSE', message, 'Ports are numbers up to 65535: 80, 53/udp, 8000-8010.')
}
