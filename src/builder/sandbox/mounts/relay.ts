import { once } from 'node:events'
import { chmodSync, chownSync, closeSync, constants, openSync } from 'node:fs'
import { messageOf, TareError } from '../../../support/index.ts'

export interface Relay {
  /** Where the socket is. */
  readonly path: string
  close(): void
}

/**
 * A socket of ours in a folder, which passes on all that comes to the socket `to`, and its answers back: so it can belong to whom a
 * step says, and be where nothing can be mounted, whoever may open that one. Throws `SSH_MISSING`.
 */
export async function openRelay(folder: string, name: string, to: string, mode: number): Promise<Relay> {
  const { connect, createServer } = await import('node:net')
  const server = createServer({ allowHalfOpen: true }, (asked) => {
    const answers = connect({ path: to, allowHalfOpen: true })
    asked.pipe(answers).pipe(asked)
    asked.on('error', () => answers.destroy())
    answers.on('error', () => asked.destroy())
  })
  // A socket's name has 107 bytes at most, which a store deep down exceeds: by its open folder it is always short. (unix(7))
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    server.listen(`/proc/self/fd/${fd}/${name}`)
    await once(server, 'listening')
    chmodSync(`${folder}/${name}`, mode)
  } catch (cause) {
    server.close()
    closeSync(fd)
    throw new TareError('SSH_MISSING', `cannot pass the ssh agent on: ${messageOf(cause)}`, { cause })
  }
  server.unref()
  return {
    path: `${folder}/${name}`,
    close: () => {
      server.close()
      closeSync(fd)
    },
  }
}

/** Gives a socket its owner; only root can. */
export function own({ path }: Relay, uid: number, gid: number): void {
  if (uid + gid > 0) chownSync(path, uid, gid)
}
