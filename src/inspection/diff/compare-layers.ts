import type { LayerDifference } from '../../api/index.ts'
import {
  ContentReader,
  contentOf,
  type LayerEntry,
  type LayerIndex,
  type StoredLayer,
} from '../../files/layer/index.ts'
import type { RegularFile } from '../../files/tree/index.ts'
import type { InspectedLayer } from '../image.ts'
import { sameBytes } from './same-bytes.ts'

// (tar(5): blocks, and two of zeros at the end)
const blockSize = 512
const endOfArchive = 1024

/** A layer and its number in its image, from 1. */
export interface NumberedLayer {
  readonly number: number
  readonly layer: InspectedLayer
}

export interface LayerPair {
  readonly a?: NumberedLayer
  readonly b?: NumberedLayer
}

/** Which layer is beside which: those at both ends that are the same, and what is between in its order. */
export function pairLayers(a: readonly NumberedLayer[], b: readonly NumberedLayer[]): readonly LayerPair[] {
  const isSame = (x: NumberedLayer | undefined, y: NumberedLayer | undefined) =>
    x !== undefined && y !== undefined && x.layer.index.diffId === y.layer.index.diffId
  let head = 0
  while (isSame(a[head], b[head])) head += 1
  let tail = 0
  while (tail < Math.min(a.length, b.length) - head && isSame(a.at(-1 - tail), b.at(-1 - tail))) tail += 1
  const pair = (x: NumberedLayer | undefined, y: NumberedLayer | undefined): LayerPair => ({
    ...(x === undefined ? {} : { a: x }),
    ...(y === undefined ? {} : { b: y }),
  })
  const between = Math.max(a.length, b.length) - head - tail
  return [
    ...a.slice(0, head).map((x, i) => pair(x, b[i])),
    ...Array.from({ length: between }, (_, i) =>
      pair(a.slice(head, a.length - tail)[i], b.slice(head, b.length - tail)[i]),
    ),
    ...a.slice(a.length - tail).map((x, i) => pair(x, b[b.length - tail + i])),
  ]
}

/** What two layers of different bytes have in common: all they say of files, or not. */
export function sameFiles(a: StoredLayer, b: StoredLayer): 'same' | 'other-order' | 'different' {
  const before = told(a.index)
  const after = told(b.index)
  if (before.length !== after.length) return 'different'
  const readers = [new ContentReader(), new ContentReader()] as const
  try {
    const isSame = (x: LayerEntry, y: LayerEntry) =>
      sameEntry(x, y) && sameBytes(fileOf(x, a), fileOf(y, b), ...readers)
    if (before.every((entry, i) => isSame(entry, after[i]!))) return 'same'
    const byPath = new Map(after.map((entry) => [`${entry.kind} ${entry.path}`, entry]))
    if (byPath.size !== after.length) return 'different'
    const isThere = (entry: LayerEntry) => {
      const other = byPath.get(`${entry.kind} ${entry.path}`)
      return other !== undefined && isSame(entry, other)
    }
    return before.every(isThere) ? 'other-order' : 'different'
  } finally {
    for (const reader of readers) reader.close()
  }
}

/** The difference of a pair whose digests differ, where its files are the same or only one side has a layer. */
export function layerDifference({ a, b }: LayerPair, kind: LayerDifference['kind'], detail: string): LayerDifference {
  return {
    kind,
    ...(a === undefined ? {} : { a: a.number, digestA: a.layer.index.diffId }),
    ...(b === undefined ? {} : { b: b.number, digestB: b.layer.index.diffId }),
    detail,
  }
}

/**
 * What is in the layer itself. Who built it remembers more in its index: times of directories that did not change otherwise (`settle`), and
 * nanoseconds, for which the one block of a plain header has no room.
 */
export function told({ entries, size }: LayerIndex): readonly LayerEntry[] {
  const found: LayerEntry[] = []
  let isSame = true
  let end = size - endOfArchive
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]!
    const headers = (entry.runs[0]?.at ?? end) - entry.at
    if (entry.kind !== 'settle') end = entry.at
    if (entry.kind !== 'settle' && (entry.mtimeNs === 0 || headers > blockSize)) found.push(entry)
    else {
      isSame = false
      if (entry.kind !== 'settle') found.push({ ...entry, mtimeNs: 0 })
    }
  }
  return isSame ? entries : found.reverse()
}

function fileOf(entry: LayerEntry, layer: StoredLayer): RegularFile {
  const size = entry.kind === 'file' ? entry.size : 0
  return { ...entry, kind: 'file', size, content: contentOf(layer, { ...entry, size }) }
}

function sameEntry(a: LayerEntry, b: LayerEntry): boolean {
  return (
    a.path === b.path &&
    a.kind === b.kind &&
    (a.mode === b.mode || a.kind === 'symlink') &&
    (['remove', 'hide'].includes(a.kind) || (a.uid === b.uid && a.gid === b.gid)) &&
    (['remove', 'hide'].includes(a.kind) || (a.mtime === b.mtime && a.mtimeNs === b.mtimeNs)) &&
    a.size === b.size &&
    a.link === b.link &&
    a.device?.join() === b.device?.join() &&
    sameAttributes(a.xattrs, b.xattrs)
  )
}

function sameAttributes(a: LayerEntry['xattrs'], b: LayerEntry['xattrs']): boolean {
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false
  return [...(a ?? [])].every(([name, value]) => {
    const other = b?.get(name)
    return other !== undefined && Buffer.compare(value, other) === 0
  })
}
