import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './cli.ts'

/** A way to a socket that counts what goes through it, and may be cut. */
export interface Relay {
  /** `unix://…`, `tcp://127.0.0.1:…`, `tls://127.0.0.1:…` */
  readonly address: string
  /** How many connections there have been. */
  readonly count: () => number
  /** Bytes to the other side and back, over all connections. */
  readonly sent: () => number
  readonly received: () => number
  reset(): void
  /** Destroys every connection once so many more bytes have passed, in both directions together. */
  cutAfter(bytes: number): void
  /** Destroys every connection, and accepts none from now on. */
  close(): void
}

/**
 * Opens one to the socket at `unix://…` until the test has ended: a socket as well, or a port of this machine, with TLS or without.
 * `falsify` may change what comes back, piece by piece.
 */
export async function relayTo(
  address: string,
  way: 'socket' | 'port' | TlsOptions = 'socket',
  falsify: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<Relay> {
  const path = join(temporaryFolder(), 'relay.sock')
  const open = new Set<Socket>()
  const counts = { connections: 0, sent: 0, received: 0, left: Number.POSITIVE_INFINITY }
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const pass = (from: Socket, to: Socket, count: 'sent' | 'received') => {
    from.on('data', (bytes: Buffer) => {
      const data = count === 'received' ? falsify(bytes) : bytes
      const part = counts.left < data.length ? data.subarray(0, Math.max(0, counts.left)) : data
      counts.left -= data.length
      counts[count] += part.length
      if (part.length > 0 && !to.destroyed && !to.write(part)) {
        from.pause()
        to.once('drain', () => from.resume())
      }
      if (counts.left <= 0) setImmediate(cut)
    })
    from.once('end', () => to.end())
    from.on('error', () => {})
    from.once('close', () => {
      open.delete(from)
      // After an end, the other side may still be taking what was sent before.
      if (!from.readableEnded) to.destroy()
    })
  }
  const accept = (near: Socket) => {
    counts.connections++
    const far = connect(address.slice('unix://'.length))
    for (const socket of [near, far]) open.add(socket)
    pass(near, far, 'sent')
    pass(far, near, 'received')
  }
  const server = typeof way === 'string' ? createServer(accept) : createTlsServer(way, accept)
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => {
    if (way === 'socket') server.listen(path, resolve)
    else server.listen(0, '127.0.0.1', resolve)
  })
  const close = () => {
    cut()
    server.close()
  }
  onTestFinished(close)
  const at = server.address() as AddressInfo
  return {
    address: way === 'socket' ? `unix://${path}` : `${way === 'port' ? 'tcp' : 'tls'}://127.0.0.1:${at.port}`,
    close,
    count: () => counts.connections,
    sent: () => counts.sent,
    received: () => counts.received,
    reset: () => {
      counts.sent = 0
      counts.received = 0
    },
    cutAfter: (bytes) => {
      counts.left = bytes
    },
  }
}
