import { once } from 'node:events'
import { chmodSync, chownSync, closeSync, constants, openSync } from 'node:fs'
import { messageOf, TareError } from '../../../support/index.ts'

export interface Relay {
  /** The socket's path. */
  readonly path: string
  close(): void
}

/**
 * Opens a socket in a folder that forwards connections to the socket `to`. It can have any owner, and be where nothing can be
 * mounted, regardless of the original's permissions. Throws `SSH_MISSING`.
 */
export async function openRelay(folder: string, name: string, to: string, mode: number): Promise<Relay> {
  const { connect, createServer } = await import('node:net')
  const server = createServer({ allowHalfOpen: true }, (asked) => {
    const answers = connect({ path: to, allowHalfOpen: true })
    asked.pipe(answers).pipe(asked)
    asked.on('error', () => answers.destroy())
    answers.on('error', () => asked.destroy())
  })
  // A socket's path is limited to 107 bytes, which a deep store exceeds; through the open folder it is always short. (unix(7))
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    server.listen(`/proc/self/fd/${fd}/${name}`)
    await once(server, 'listening')
    chmodSync(`${folder}/${name}`, mode)
  } catch (cause) {
    server.close()
    closeSync(fd)
    throw new TareError('SSH_MISSING', `cannot forward the SSH agent: ${messageOf(cause)}`, { cause })
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

/** Changes a socket's owner; only root can. */
export function own({ path }: Relay, uid: number, gid: number): void {
  if (uid + gid > 0) chownSync(path, uid, gid)
}
