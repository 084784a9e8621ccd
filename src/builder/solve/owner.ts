import type { Snapshot } from '../../content/layers/index.ts'
import { readWhole } from '../../files/layer/index.ts'
import { TareError } from '../../support/index.ts'
import type { OwnerText } from '../plan/index.ts'

export interface FileOwner {
  readonly uid: number
  readonly gid: number
}

const databaseLimit = 16 << 20

/**
 * Resolves `user[:group]` in the filesystem by BuildKit's rules. A number is used as it is, and also as the group if none is
 * given; names are looked up in the filesystem's /etc/passwd and /etc/group. An unknown user becomes root, an unknown group has
 * no effect. `root` and an empty text are 0 without a lookup. Throws `OWNER_UNKNOWN` for names if there is no filesystem yet.
 */
export function resolveOwner(text: OwnerText, on: Snapshot): FileOwner {
  const colon = text.indexOf(':')
  const user = colon < 0 ? text : text.slice(0, colon)
  const id = numberOf(user)
  const owner = id === undefined ? lookUpUser(user, text, on) : { uid: id, gid: id }
  if (colon < 0) return owner
  const group = text.slice(colon + 1)
  return { uid: owner.uid, gid: numberOf(group) ?? lookUpGroup(group, text, on) ?? owner.gid }
}

// A larger number is treated as a name.
const largestNumber = 0x7fffffff

function numberOf(text: string): number | undefined {
  if (text === '' || text === 'root') return 0
  return /^\+?\d+$/.test(text) && Number(text) <= largestNumber ? Number(text) : undefined
}

function lookUpUser(name: string, text: string, on: Snapshot): FileOwner {
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
      `cannot look up the owner "${text}": there is no /${path} to find the name in, because this step has no base`,
      {
        remedy:
          'Use numbers, such as 1000:1000. Or copy an /etc/passwd into the stage first; a copy with --link ignores it.',
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
