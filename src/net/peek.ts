import { connect } from 'node:net'

// An empty TLS handshake record followed by the end of HTTP headers: servers of either protocol reject it at once.
const greeting = Buffer.from([0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00, ...Buffer.from('\r\n\r\n')])

// Milliseconds; plenty for a server on the same machine.
const idleTimeout = 1_000

/**
 * Whether a server on this machine speaks plain HTTP, judged by its answer to the start of a TLS handshake; false if in doubt. Avoids loading TLS,
 * which takes longer than the rest of a small request.
 */
export function speaksInClear({ hostname, port }: URL, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 443) })
    const end = (inClear: boolean) => {
      socket.destroy()
      signal?.removeEventListener('abort', stop)
      resolve(inClear)
    }
    const stop = () => end(false)
    signal?.addEventListener('abort', stop, { once: true })
    socket.setTimeout(idleTimeout, stop)
    socket.on('error', stop).on('close', stop)
    socket.on('connect', () => socket.write(greeting))
    socket.on('data', (first) => end(first.subarray(0, 5).toString('latin1') === 'HTTP/'))
  })
}
