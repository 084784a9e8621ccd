import { connect } from 'node:net'

// The head of a TLS handshake that holds nothing, and the end of a request's head: both kinds of server complain at once.
const greeting = Buffer.from([0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00, ...Buffer.from('\r\n\r\n')])

// On this machine, nobody thinks longer about it.
const idleTimeout = 1_000

/**
 * Whether a server of this machine speaks HTTP in clear, as its answer to the beginning of TLS shows. Where that is not
 * certain, it does not. It is known so before TLS is loaded, which takes longer than all the rest of a small question.
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
