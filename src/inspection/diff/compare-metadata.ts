import type { ComparedFact } from '../../api/index.ts'
import type { Metadata, Node } from '../../files/tree/index.ts'
import { compareNames } from '../../support/index.ts'

/** What differs in two nodes of one kind besides their contents and children. */
export function compareMetadata(a: Node, b: Node): ComparedFact[] {
  const changes: ComparedFact[] = []
  if (a.kind === 'symlink' && b.kind === 'symlink') {
    if (a.target !== b.target) changes.push({ kind: 'link-target', a: a.target, b: b.target })
  } else if (a.mode !== b.mode) changes.push({ kind: 'mode', a: octal(a.mode), b: octal(b.mode) })
  if ((a.kind === 'char' || a.kind === 'block') && (b.kind === 'char' || b.kind === 'block')) {
    const [before, after] = [`${a.major}:${a.minor}`, `${b.major}:${b.minor}`]
    if (before !== after) changes.push({ kind: 'device', a: before, b: after })
  }
  if (a.uid !== b.uid || a.gid !== b.gid)
    changes.push({ kind: 'owner', a: `${a.uid}:${a.gid}`, b: `${b.uid}:${b.gid}` })
  if (a.mtime !== b.mtime || a.mtimeNs !== b.mtimeNs) changes.push({ kind: 'file-times', a: timeOf(a), b: timeOf(b) })
  if (a.xattrs !== undefined || b.xattrs !== undefined) compareAttributes(a, b, changes)
  return changes
}

function compareAttributes(a: Metadata, b: Metadata, changes: ComparedFact[]): void {
  const names = new Set([...(a.xattrs?.keys() ?? []), ...(b.xattrs?.keys() ?? [])])
  for (const name of [...names].sort(compareNames)) {
    const before = base64(a.xattrs?.get(name))
    const after = base64(b.xattrs?.get(name))
    if (before === after) continue
    const values = { ...(before === undefined ? {} : { a: before }), ...(after === undefined ? {} : { b: after }) }
    changes.push({ kind: 'xattrs', name, ...values })
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

function base64(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('base64')
}

/** RFC 3339 with what nanoseconds there are; seconds since 1970 beyond the years that it has. */
function timeOf({ mtime, mtimeNs }: Metadata): string {
  const fraction = mtimeNs === 0 ? '' : `.${String(mtimeNs).padStart(9, '0').replace(/0+$/, '')}`
  const date = new Date(mtime * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) return `@${mtime}${fraction}`
  return `${date.toISOString().slice(0, 19)}${fraction}Z`
}
