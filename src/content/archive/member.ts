import type { Descriptor } from '../../oci/index.ts'
import { compareNames } from '../../support/index.ts'

/** What an archive will hold under one name. Times are whole seconds since 1970. */
export type Member = { readonly path: string; readonly mtime: number } & (
  | { readonly kind: 'directory' }
  | { readonly kind: 'symlink'; readonly link: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blob: Descriptor }
)

/** A member of JSON. Docker ends some of its documents with a newline and some not: `text` has it or has it not. */
export function textMember(path: string, text: string, mtime: number): Member {
  return { kind: 'bytes', path, mtime, bytes: Buffer.from(text) }
}

/** The order in which Docker finds them on its disk: names sorted in each folder, a folder before what is in it. */
export function inOrder(members: Iterable<Member>): readonly Member[] {
  const key = (member: Member) => member.path.replace(/\/$/, '').replaceAll('/', '\0')
  return [...members]
    .map((member) => ({ member, key: key(member) }))
    .sort((a, b) => compareNames(a.key, b.key))
    .map(({ member }) => member)
}

/** An image's `created` as whole seconds; 0 for a time before 1970 or none, as Docker writes it. */
export function secondsOf(created: string | undefined): number {
  const milliseconds = created === undefined ? Number.NaN : Date.parse(created)
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, Math.floor(milliseconds / 1000))
}
