import { closeSync, openSync, readSync } from 'node:fs'
import type { LayerAtRest } from '../files/layer/index.ts'

/** Bytes that must not be anywhere, under a name. */
export interface Needle {
  readonly id: string
  readonly bytes: Uint8Array
}

/** Where one was found: in the file, or in the name of what is there. */
export interface Leak {
  readonly id: string
  /** Path in the layer. */
  readonly path: string
}

const slab = 4 << 20

/** The first place of a layer where one of the needles is; undefined where there is none. */
export function findLeak({ index, path }: LayerAtRest, needles: readonly Needle[]): Leak | undefined {
  if (needles.length === 0) return undefined
  const overlap = Math.max(...needles.map(({ bytes }) => bytes.length)) - 1
  const buffer = Buffer.allocUnsafe(slab + overlap)
  const fd = openSync(path, 'r')
  try {
    let kept = 0
    for (let at = 0; ; ) {
      const count = readSync(fd, buffer, kept, slab, at)
      if (count === 0) return undefined
      const here = buffer.subarray(0, kept + count)
      for (const { id, bytes } of needles) {
        const found = here.indexOf(bytes)
        if (found >= 0) return { id, path: pathAt(index, at - kept + found) }
      }
      at += count
      const rest = Math.min(overlap, here.length)
      here.copyWithin(0, here.length - rest)
      kept = rest
    }
  } finally {
    closeSync(fd)
  }
}

/** Whose header or body lies there: the last entry that begins before. */
function pathAt({ entries }: LayerAtRest['index'], position: number): string {
  let best: (typeof entries)[number] | undefined
  for (const entry of entries)
    if (entry.at >= 0 && entry.at <= position && (best === undefined || entry.at > best.at)) best = entry
  return `/${best?.path ?? ''}`
}
