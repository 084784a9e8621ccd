import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import type { Tree } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { HeldNamespace } from '../machine/index.ts'
import { inDirectory } from '../mounts/index.ts'
import { type ProcessUser, readUsers, usersIn } from './identity.ts'

const remedy =
  'Add more IDs: sudo usermod --add-subuids 200000-400000 --add-subgids 200000-400000 $USER; or use smaller numbers.'

/** Throws `USER_UNMAPPED` for a user or group that is not mapped in the namespace. */
export function refuseUnmapped(
  { uid, gid, groups }: ProcessUser,
  held: HeldNamespace | undefined,
  oneId: boolean,
): void {
  // With a single ID the cause is obvious, and supplementary groups are dropped.
  if (held === undefined || oneId) return
  const missing = [
    ...(held.has('uid', uid) ? [] : [`the user ${uid}`]),
    ...[...new Set([gid, ...groups])].filter((id) => !held.has('gid', id)).map((id) => `the group ${id}`),
  ]
  if (missing.length === 0) return
  throw new TareError('USER_UNMAPPED', `${missing.join(' and ')} cannot be used here: ${rangeOf(held)}`, { remedy })
}

/** Explains a possible cause of a failed command: users in /etc/passwd, before or after the command, that nobody can become. */
export function hintOfUnmapped(tree: Tree, upper: string, held: HeldNamespace | undefined): string | undefined {
  if (held === undefined) return undefined
  const users = [...readUsers(tree), ...usersIn(leftPasswd(upper))].filter(({ uid }) => !held.has('uid', uid))
  const user = users[0]
  if (user === undefined) return undefined
  return `/etc/passwd has ${user.name} with the id ${user.uid}, and ${rangeOf(held)}: su and chown to it fail.\n${remedy}`
}

function rangeOf({ ids }: HeldNamespace): string {
  return `without root the available IDs are ${ids.uid.map(([first, count]) => (count === 1 ? `${first}` : `${first} to ${first + count - 1}`)).join(', ')}`
}

const databaseLimit = 1 << 20

function leftPasswd(upper: string): string {
  try {
    return inDirectory(upper, 'etc', (directory) => {
      const fd = openSync(directory.at('passwd'), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      try {
        return readFileSync(fd).subarray(0, databaseLimit).toString('utf8')
      } finally {
        closeSync(fd)
      }
    })
  } catch {
    return ''
  }
}
