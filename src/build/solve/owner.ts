import { readWhole } from '../../files/layer/index.ts'
import { TareError } from '../../support/index.ts'
import type { OwnerText } from '../plan/index.ts'
import type { Snapshot } from './snapshot.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

const databaseLimit = 16 << 20

/**
 * Who `user[:group]` is in the filesystem. A number is itself, and its own group too where none is given; a name is looked
 * up in /etc/passwd and /etc/group there, and one that they do not have is root, as in Docker. Throws `OWNER_UNKNOWN` for
 * names where there is no filesystem yet, and `OWNER_INVALID`.
 */
export function resolveOwner(text: OwnerText, on: Snapshot): Owner {
  const [user = '', group] = text.split(':', 2)
  if (text.split(':').length > 2)
    throw new TareError('OWNER_INVALID', `invalid owner "${text}"`, {
      remedy: 'Write user or user:group, as names or numbers.',
    })
  const byUser =
    numberOf(user) === undefined ? lookUpUser(user, text, on) : { uid: numberOf(user)!, gid: numberOf(user)! }
  if (group === undefined || group === '') return byUser
  return { uid: byUser.uid, gid: numberOf(group) ?? lookUpGroup(group, text, on) }
}

function numberOf(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= 0xffffffff ? Number(text) : undefined
}

function lookUpUser(name: string, text: string, on: Snapshot): Owner {
  const row = rows('etc/passwd', text, on).find((fields) => fields[0] === name)
  return { uid: Number(row?.[2] ?? 0) || 0, gid: Number(row?.[3] ?? 0) || 0 }
}

function lookUpGroup(name: string, text: string, on: Snapshot): number {
  return Number(rows('etc/group', text, on).find((fields) => fields[0] === name)?.[2] ?? 0) || 0
}

function rows(path: string, text: string, on: Snapshot): readonly string[][] {
  if (on.scratch) {
    throw new TareError(
      'OWNER_UNKNOWN',
      `cannot look up the owner "${text}": the stage is empty, so there is no /${path} to find the name in`,
      {
        remedy: 'Use numbers, such as 1000:1000, or copy an /etc/passwd into the stage first.',
      },
    )
  }
  const file = on.tree().find(path)
  if (file?.kind !== 'file') return []
  return readWhole(file, databaseLimit)
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim().split(':'))
}
