import { once } from 'node:events'
import { connect } from 'node:net'
import { ssh } from '../../../buildkit/index.ts'
import { GrpcError, type Handlers, statusCodes, streaming, unary } from '../../../net/grpc/index.ts'

/** Forwards the agents of the build. `find` returns an agent's socket. */
export function agentService(find: (id: string) => Promise<string | undefined>): Handlers {
  const needed = async (id: string): Promise<string> => {
    const path = await find(id === '' ? 'default' : id)
    if (path === undefined) throw new GrpcError(statusCodes.notFound, `no SSH key "${id}" forwarded from the client`)
    return path
  }
  return [
    unary(ssh.SSH.method.checkAgent, async ({ id }) => {
      await needed(id)
      return {}
    }),
    streaming(ssh.SSH.method.forwardAgent, async ({ metadata, requests, send, signal }) => {
      const socket = connect(await needed(String(metadata['buildkit.ssh.id'] ?? '')))
      signal.addEventListener('abort', () => socket.destroy(), { once: true })
      socket.on('error', () => {})
      const forth = async () => {
        for await (const { data } of requests) if (!socket.write(data)) await once(socket, 'drain', { signal })
        socket.end()
      }
      void forth().catch(() => socket.destroy())
      try {
        // An agent that hangs up ends the step's connection, whatever the step still has to say.
        for await (const data of socket) await send({ data: data as Buffer })
      } catch {
        // The step has ended, or the agent has.
      } finally {
        socket.destroy()
      }
    }),
  ]
}
