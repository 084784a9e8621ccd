import { readWhole } from '../../../files/layer/index.ts'
import type { Tree } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'

/** The user a command runs as. */
export interface ProcessUser {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups; the primary group is the first, as in runc. */
  readonly groups: readonly number[]
  readonly home: string
}

export interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

const databaseLimit = 16 << 20

/**
 * Resolves USER in the filesystem by runc's rules: names must be in /etc/passwd, numbers need not be; unless a group is given,
 * supplementary groups are those listing the user. Throws `USER_UNKNOWN`.
 */
export function resolveIdentity(text: string, tree: Tree): ProcessUser {
  const [wanted = '', group = ''] = text.split(':', 2)
  const users = readUsers(tree)
  const name = wanted === '' ? '0' : wanted
  const number = numberOf(name)
  const user = users.find((one) => one.name === name) ?? users.find(({ uid }) => uid === number)
  const homeOf = (uid: number) => users.find((one) => one.uid === uid)?.home || '/'
  // With two numbers nothing is looked up, and there are no supplementary groups.
  if (number !== undefined && numberOf(group) !== undefined)
    return { uid: number, gid: numberOf(group)!, groups: [numberOf(group)!], home: homeOf(number) }
  if (user === undefined && number === undefined) throw unknown('user', name, 'passwd')
  const uid = user?.uid ?? number!
  const home = user?.home || homeOf(uid)
  const groups = readGroups(tree)
  const gid = group === '' ? (user?.gid ?? 0) : groupOf(group, groups)
  const member = group !== '' || user === undefined ? [] : groups.filter(({ members }) => members.includes(user.name))
  return { uid, gid, groups: [...new Set([gid, ...member.map((one) => one.gid)])], home }
}

function groupOf(text: string, groups: readonly Group[]): number {
  const number = numberOf(text)
  const found = groups.find(({ name, gid }) => (number === undefined ? name === text : gid === number))
  if (found === undefined && number === undefined) throw unknown('group', text, 'group')
  return found?.gid ?? number!
}

function unknown(kind: string, name: string, file: string): TareError {
  return new TareError('USER_UNKNOWN', `unable to find ${kind} ${name}: no matching entries in ${file} file`, {
    remedy: `Create the ${kind} in an earlier RUN, or give its number.`,
  })
}

function numberOf(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined
}

export function readUsers(tree: Tree): PasswdEntry[] {
  return usersOf(rows(tree, 'etc/passwd'))
}

/** Parses an /etc/passwd. */
export function usersIn(text: string): PasswdEntry[] {
  return usersOf(rowsIn(text))
}

function usersOf(rows: readonly string[][]): PasswdEntry[] {
  return rows.flatMap(([name = '', , uid = '', gid = '', , home = '']) =>
    name === '' ? [] : [{ name, uid: Number(uid) || 0, gid: Number(gid) || 0, home }],
  )
}

function readGroups(tree: Tree): Group[] {
  return rows(tree, 'etc/group').flatMap(([name = '', , gid = '', members = '']) =>
    name === '' ? [] : [{ name, gid: Number(gid) || 0, members: members.split(',').filter(Boolean) }],
  )
}

function rows(tree: Tree, path: string): string[][] {
  const file = tree.find(path)
  if (file?.kind !== 'file' || file.size > databaseLimit) return []
  return rowsIn(readWhole(file, databaseLimit).toString('utf8'))
}

function rowsIn(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(':'))
}
