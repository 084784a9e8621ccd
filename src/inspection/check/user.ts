import type { Node } from '../../files/tree/index.ts'
import type { Filesystem } from './filesystem.ts'

/** The user a command of the image runs as. */
export interface ImageUser {
  readonly uid: number
  readonly gids: readonly number[]
}

/** Resolves `USER` with /etc/passwd and /etc/group; returns undefined if it is unknown there. */
export function readUser(files: Filesystem, user: string): ImageUser | undefined {
  const [name = '', group] = user.split(':')
  const rows = (path: string) => (files.text(path) ?? '').split('\n').map((line) => line.split(':'))
  const account = rows('/etc/passwd').find((fields) => fields[0] === name || fields[2] === name)
  const uid = name === '' ? 0 : numberOf(account?.[2] ?? name)
  if (uid === undefined) return undefined
  const groups = rows('/etc/group')
  if (group !== undefined && group !== '') {
    const gid = numberOf(groups.find((fields) => fields[0] === group)?.[2] ?? group)
    return gid === undefined ? undefined : { uid, gids: [gid] }
  }
  const more = groups.filter((fields) => account !== undefined && (fields[3] ?? '').split(',').includes(account[0]!))
  return { uid, gids: [numberOf(account?.[3]) ?? 0, ...more.flatMap((fields) => numberOf(fields[2]) ?? [])] }
}

/** Whether the user may execute the file or search the directory. */
export function mayExecute({ uid, gids }: ImageUser, { mode, uid: owner, gid }: Node): boolean {
  if (uid === 0) return (mode & 0o111) !== 0
  if (uid === owner) return (mode & 0o100) !== 0
  return (mode & (gids.includes(gid) ? 0o010 : 0o001)) !== 0
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
