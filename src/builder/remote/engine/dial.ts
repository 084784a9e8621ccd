import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { isMissingProgram, messageOf, systemCode, TareError } from '../../../support/index.ts'
import type { EngineAddress, TlsFiles } from './address.ts'

/** A new connection to an engine. */
export interface Dialled {
  readonly socket: Duplex
  /** What TLS agreed on. */
  readonly protocol?: string | undefined
}

/** Opens a connection. Rejects with `ENGINE_UNREACHABLE`. */
export async function dial(
  address: EngineAddress,
  protocols: readonly string[],
  signal: AbortSignal,
): Promise<Dialled> {
  try {
    switch (address.kind) {
      case 'socket':
        return { socket: await connected(connect(address.path), 'connect', signal) }
      case 'tcp':
        return { socket: await connected(connect(address.port, address.host), 'connect', signal) }
      case 'tls': {
        const { host, port, files } = address
        const socket = connectTls({
          ...{ host, port, ALPNProtocols: [...protocols], ...contentsOf(files) },
          servername: files.serverName ?? (/^[\d.]+$|:/.test(host) ? '' : host),
          ...(files.anyServer === true ? { rejectUnauthorized: false } : {}),
        })
        await connected(socket, 'secureConnect', signal)
        return { socket, protocol: socket.alpnProtocol || undefined }
      }
      case 'command':
        return { socket: overCommand(address.argv) }
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof TareError) throw error
    throw unreachable(address, error)
  }
}

async function connected<S extends Duplex>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  try {
    await once(socket, event, { signal })
    if ('setNoDelay' in socket) (socket as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function contentsOf({ ca, cert, key }: TlsFiles): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const read = (path: string) => {
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new TareError('CERTIFICATES_INVALID', `cannot read ${path}: ${messageOf(cause)}`, { cause })
    }
  }
  return {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(cert === undefined ? {} : { cert: read(cert) }),
    ...(key === undefined ? {} : { key: read(key) }),
  }
}

/** A program's input and output as a connection; what it prints as an error explains why there is none. */
function overCommand([program, ...args]: readonly string[]): Duplex {
  const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 4096) said += chunk.toString('utf8')
  })
  const socket = new Duplex({
    read: () => child.stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void child.stdin.write(chunk, () => done()),
    final: (done) => void child.stdin.end(done),
    destroy: (error, done) => {
      child.kill()
      done(error)
    },
  })
  child.stdin.on('error', () => {})
  child.stdout.on('data', (chunk: Buffer) => {
    if (!socket.push(chunk)) child.stdout.pause()
  })
  child.on('error', (error) => {
    socket.destroy(isMissingProgram(error) ? new Error(`${program} is not installed`) : error)
  })
  // Only now is it known why.
  child.on('close', (code) => {
    if (code === 0 || code === null) socket.push(null)
    else socket.destroy(new Error(`${program} ended with exit code ${code}: ${said.trim() || 'it says nothing'}`))
  })
  return socket
}

export function unreachable({ text }: EngineAddress, error: unknown): TareError {
  const why = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'nothing listens there',
    EACCES: 'permission denied',
    ENOTFOUND: 'there is no such host',
    ETIMEDOUT: 'it does not answer',
  }[systemCode(error) ?? '']
  return new TareError('ENGINE_UNREACHABLE', `cannot reach the engine ${text}: ${why ?? messageOf(error)}`, {
    cause: error,
    remedy: 'Check that it runs, and that this user may use it. `tare doctor --builder` asks it.',
  })
}
