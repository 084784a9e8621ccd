import type { Snapshot } from '../../content/layers/index.ts'
import { readWhole } from '../../files/layer/index.ts'
import { TareError } from '../../support/index.ts'
import type { OwnerText } from '../plan/index.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

const databaseLimit = 16 << 20

/**
 * Who `user[:group]` is in the filesystem, by BuildKit's rules. A number is itself, and its own group too where none is given; a
 * name is looked up in /etc/passwd and /etc/group there. A user that they do not have is root, a group that they do not have
 * changes nothing. `root` and nothing at all are 0 without a look. Throws `OWNER_UNKNOWN` for names where there is no
 * filesystem yet.
 */
export function resolveOwner(text: OwnerText, on: Snapshot): Owner {
  const colon = text.indexOf(':')
  const user = colon < 0 ? text : text.slice(0, colon)
  const id = numberOf(user)
  const owner = id === undefined ? lookUpUser(user, text, on) : { uid: id, gid: id }
  if (colon < 0) return owner
  const group = text.slice(colon + 1)
  return { uid: owner.uid, gid: numberOf(group) ?? lookUpGroup(group, text, on) ?? owner.gid }
}

// What is larger is a name there, and hardly one that anybody has.
const largestNumber = 0x7fffffff

function numberOf(text: string): number | undefined {
  if (text === '' || text === 'root') return 0
  return /^\+?\d+$/.test(text) && Number(text) <= largestNumber ? Number(text) : undefined
}

function lookUpUser(name: string, text: string, on: Snapshot): Owner {
  const row = rows('etc/passwd', text, on).find((fields) => fields[0] === name)
  return { uid: Number(row?.[2] ?? 0) || 0, gid: Number(row?.[3] ?? 0) || 0 }
}

function lookUpGroup(name: string, text: string, on: Snapshot): number | undefined {
  const row = rows('etc/group', text, on).find((fields) => fields[0] === name)
  return row === undefined ? undefined : Number(row[2]) || 0
}

function rows(path: string, text: string, on: Snapshot): readonly string[][] {
  if (on.scratch) {
    throw new TareError(
      'OWNER_UNKNOWN',
      `cannot look up the owner "${text}": there is no /${path} to find the name in, because nothing is below this step`,
      {
        remedy:
          'Use numbers, such as 1000:1000. Or copy an /etc/passwd into the stage first; a copy with --link does not look at it.',
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
