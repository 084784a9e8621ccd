import type { ComparedFact } from '../../api/index.ts'
import type { LayerEntry } from '../../files/layer/index.ts'
import { compareNames } from '../../support/index.ts'
import { nanosecondsOf, type PlacedEntry } from './layer-entries.ts'

/** What is compared besides contents and children. */
export type ComparedMetadata = Pick<
  LayerEntry,
  'kind' | 'mode' | 'uid' | 'gid' | 'mtime' | 'mtimeNs' | 'link' | 'device' | 'xattrs'
>

// For a directory without an entry.
const plainFacts: ComparedMetadata = { kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }

export function factsOf(place: PlacedEntry | undefined): ComparedMetadata {
  if (place === undefined) return plainFacts
  return { ...place.table.entry(place.i), mtimeNs: nanosecondsOf(place) }
}

/** Compares two entries of the same kind. */
export function compareMetadata(a: ComparedMetadata, b: ComparedMetadata): ComparedFact[] {
  const changes: ComparedFact[] = []
  if (a.kind === 'symlink') {
    if (a.link !== b.link) changes.push({ kind: 'link-target', a: a.link ?? '', b: b.link ?? '' })
  } else if (a.mode !== b.mode) changes.push({ kind: 'mode', a: octal(a.mode), b: octal(b.mode) })
  if (a.kind === 'char' || a.kind === 'block') {
    const [before, after] = [a, b].map(({ device }) => (device ?? [0, 0]).join(':'))
    if (before !== after) changes.push({ kind: 'device', a: before!, b: after! })
  }
  if (a.uid !== b.uid || a.gid !== b.gid)
    changes.push({ kind: 'owner', a: `${a.uid}:${a.gid}`, b: `${b.uid}:${b.gid}` })
  if (a.mtime !== b.mtime || a.mtimeNs !== b.mtimeNs) changes.push({ kind: 'file-times', a: timeOf(a), b: timeOf(b) })
  if (a.xattrs !== undefined || b.xattrs !== undefined) compareAttributes(a, b, changes)
  return changes
}

function compareAttributes(a: ComparedMetadata, b: ComparedMetadata, changes: ComparedFact[]): void {
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

/** Formats RFC 3339 with nanoseconds if there are any; seconds since 1970 for years it cannot represent. */
function timeOf({ mtime, mtimeNs }: ComparedMetadata): string {
  const fraction = mtimeNs === 0 ? '' : `.${String(mtimeNs).padStart(9, '0').replace(/0+$/, '')}`
  const date = new Date(mtime * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) return `@${mtime}${fraction}`
  return `${date.toISOString().slice(0, 19)}${fraction}Z`
}
