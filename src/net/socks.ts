import { isIP, type Socket } from 'node:net'

// A SOCKS proxy's reply codes. (RFC 1928, section 6)
const refusals: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'time to live expired',
}

/**
 * Asks a SOCKS5 proxy to connect to a server; `socket` then carries that connection. The proxy resolves host names, for socks5 as well as socks5h, as
 * in Go. Rejects with an Error phrased to follow the proxy's name. (RFC 1928, RFC 1929)
 */
export async function requestBySocks(
  socket: Socket,
  { username, password }: URL,
  target: { readonly host: string; readonly port: number },
): Promise<void> {
  const user = Buffer.from(decodeURIComponent(username))
  const secret = Buffer.from(decodeURIComponent(password))
  socket.write(Buffer.from(user.length === 0 ? [5, 1, 0] : [5, 2, 0, 2]))
  const [version, method] = await read(socket, 2)
  if (version !== 5) throw new Error('does not speak SOCKS5')
  if (method === 2 && user.length > 0) {
    socket.write(Buffer.concat([Buffer.of(1, user.length), user, Buffer.of(secret.length), secret]))
    const [, status] = await read(socket, 2)
    if (status !== 0) throw new Error('rejects the user name and password')
  } else if (method !== 0) throw new Error('requires a user name and a password')
  socket.write(
    Buffer.concat([Buffer.of(5, 1, 0), addressOf(target.host), Buffer.of(target.port >> 8, target.port & 255)]),
  )
  const [, status = 1, , kind = 0] = await read(socket, 4)
  if (status !== 0)
    throw new Error(`cannot reach ${target.host}:${target.port}: ${refusals[status] ?? `error ${status}`}`)
  // The address the proxy connects from is read and ignored.
  const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await read(socket, 1))[0] ?? 0)
  await read(socket, length + 2)
}

function addressOf(host: string): Buffer {
  const family = isIP(host)
  if (family === 4) return Buffer.from([1, ...host.split('.').map(Number)])
  if (family === 6) return Buffer.concat([Buffer.of(4), sixteenBytes(host)])
  const name = Buffer.from(host)
  if (name.length > 255) throw new Error('does not accept a name that long')
  return Buffer.concat([Buffer.of(3, name.length), name])
}

function sixteenBytes(address: string): Buffer {
  // The URL parser normalizes every form of IPv6 address to hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function read(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      socket.off('readable', look).off('end', ended).off('error', failed)
      act()
    }
    const look = () => {
      const bytes = socket.read(count) as Buffer | null
      if (bytes !== null) settle(() => resolve(bytes))
    }
    const ended = () => settle(() => reject(new Error('hung up')))
    const failed = (error: Error) => settle(() => reject(error))
    socket.on('readable', look).on('end', ended).on('error', failed)
    look()
  })
}
