import type { Descriptor } from '../../oci/index.ts'
import { compareNames } from '../../support/index.ts'

/** A file to be written to an archive. Times are whole seconds since 1970. */
export type Member = { readonly path: string; readonly mtime: number } & (
  | { readonly kind: 'directory' }
  | { readonly kind: 'symlink'; readonly link: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blob: Descriptor }
)

/** Returns a text member. Docker ends only some of its documents with a newline, so `text` must include it if wanted. */
export function textMember(path: string, text: string, mtime: number): Member {
  return { kind: 'bytes', path, mtime, bytes: Buffer.from(text) }
}

/** Sorts members the way Docker finds them on its disk: by name within each folder, a folder before its contents. */
export function inOrder(members: Iterable<Member>): readonly Member[] {
  const key = (member: Member) => member.path.replace(/\/$/, '').replaceAll('/', '\0')
  return [...members]
    .map((member) => ({ member, key: key(member) }))
    .sort((a, b) => compareNames(a.key, b.key))
    .map(({ member }) => member)
}

/** Returns an image's `created` as whole seconds; 0 if it is missing or before 1970, as Docker writes it. */
export function secondsOf(created: string | undefined): number {
  const milliseconds = created === undefined ? Number.NaN : Date.parse(created)
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, Math.floor(milliseconds / 1000))
}
