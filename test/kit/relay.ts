import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './cli.ts'

/** A way to a socket that counts what goes through it, and may be cut. */
export interface Relay {
  /** `unix://…` */
  readonly address: string
  /** Bytes to the other side and back, over all connections. */
  readonly sent: () => number
  readonly received: () => number
  reset(): void
  /** Destroys every connection once so many more bytes have passed, in both directions together. */
  cutAfter(bytes: number): void
}

/** Opens one to the socket at `unix://…` until the test has ended. */
export async function relayTo(address: string): Promise<Relay> {
  const path = join(temporaryFolder(), 'relay.sock')
  const open = new Set<Socket>()
  const counts = { sent: 0, received: 0, left: Number.POSITIVE_INFINITY }
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const pass = (from: Socket, to: Socket, count: 'sent' | 'received') => {
    from.on('data', (data: Buffer) => {
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
      to.destroy()
    })
  }
  const server = createServer((near) => {
    const far = connect(address.slice('unix://'.length))
    for (const socket of [near, far]) open.add(socket)
    pass(near, far, 'sent')
    pass(far, near, 'received')
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    address: `unix://${path}`,
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
