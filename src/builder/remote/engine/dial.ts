import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { isMissingProgram, messageOf, systemCode, TareError } from '../../../support/index.ts'
import type { EngineAddress } from './address.ts'
import { aboutTls, secureContextOf } from './tls.ts'

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
          ...{ host, port, ALPNProtocols: [...protocols], secureContext: secureContextOf(address, files) },
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

/** A program that was to be the connection has failed. */
export class CommandFailure extends Error {}

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
    socket.destroy(new CommandFailure(isMissingProgram(error) ? `${program} is not installed` : messageOf(error)))
  })
  // Only now is it known why.
  child.on('close', (code) => {
    if (code === 0 || code === null) socket.push(null)
    else {
      const why = said.trim() || 'it says nothing'
      socket.destroy(new CommandFailure(`${program} ended with exit code ${code}: ${why}`))
    }
  })
  return socket
}

export function unreachable({ text }: EngineAddress, error: unknown): TareError {
  const code = systemCode(error) ?? ''
  const ofTls = aboutTls(code, error)
  const why = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'nothing listens there',
    EACCES: 'permission denied',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'its name cannot be looked up now',
    ETIMEDOUT: 'it does not answer',
    ECONNRESET: 'it closed the connection',
  }[code]
  return new TareError(
    'ENGINE_UNREACHABLE',
    `cannot reach the engine ${text}: ${ofTls?.why ?? why ?? messageOf(error)}`,
    {
      cause: error,
      remedy:
        ofTls?.remedy ?? 'Check that it runs, and that this user may use it. `tare doctor --builder ADDRESS` asks it.',
    },
  )
}
