import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'
import { temporaryFolder, writeFiles } from './cli.ts'

// Ways to a server's socket: a port, a port with TLS, a program.

export interface Relay {
  readonly port: number
  /** Connections that were made. */
  readonly count: number
  /** Ends all connections, and accepts none from now on. */
  cut(): void
}

/** Passes connections to a port of this machine on to a socket, until the test has ended. */
export async function relayTo(path: string, tls?: TlsOptions): Promise<Relay> {
  const open = new Set<Socket>()
  let count = 0
  const pass = (near: Socket) => {
    count++
    const far = connect(path)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }
  const server: Server = tls === undefined ? createServer(pass) : createTlsServer(tls, pass)
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    server.close()
    for (const socket of open) socket.destroy()
  }
  onTestFinished(cut)
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    get count() {
      return count
    },
  }
}

/**
 * Puts a program on PATH, until the test has ended, that stands in for ssh, kubectl or the like: called with exactly these
 * arguments, its input and output are a connection to the socket; otherwise it fails.
 */
export function standIn(program: string, args: readonly string[], path: string): void {
  const script = [
    `#!${process.execPath}`,
    `const args = ${JSON.stringify(args)}`,
    'if (JSON.stringify(process.argv.slice(2)) !== JSON.stringify(args)) {',
    '  console.error(`called with ${process.argv.slice(2).join(" ")}`)',
    '  process.exit(9)',
    '}',
    `const socket = require('node:net').connect(${JSON.stringify(path)})`,
    "socket.on('error', () => process.exit(8))",
    "socket.on('close', () => process.exit(0))",
    'process.stdin.pipe(socket).pipe(process.stdout)',
  ]
  const folder = writeFiles(temporaryFolder(), { [program]: { content: script.join('\n'), mode: 0o755 } })
  const before = process.env['PATH']
  process.env['PATH'] = `${folder}:${before}`
  onTestFinished(() => {
    process.env['PATH'] = before
  })
}
