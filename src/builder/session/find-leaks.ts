import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate as takeTurn } from 'node:timers/promises'
import type { StoredLayer } from '../../files/layer/index.ts'

/** Bytes that must not appear anywhere, with a name. */
export interface Needle {
  readonly id: string
  readonly bytes: Uint8Array
}

/** Where one was found: in a file, or in the name of an entry. */
export interface Leak {
  readonly id: string
  /** Path in the layer. */
  readonly path: string
}

// Bytes read at a time.
const readSize = 4 << 20

/** Finds the first occurrence of each needle in a layer. Rejects with the signal's reason. */
export async function findLeaks(
  { index, path }: StoredLayer,
  needles: readonly Needle[],
  signal: AbortSignal,
): Promise<readonly Leak[]> {
  if (needles.length === 0) return []
  const leaks = new Map<string, Leak>()
  const overlap = needles.reduce((most, { bytes }) => Math.max(most, bytes.length), 0) - 1
  const buffer = Buffer.allocUnsafe(readSize + overlap)
  const fd = openSync(path, 'r')
  try {
    let kept = 0
    for (let at = 0; ; ) {
      const count = readSync(fd, buffer, kept, readSize, at)
      if (count === 0) return [...leaks.values()]
      const here = buffer.subarray(0, kept + count)
      for (const { id, bytes } of needles) {
        const found = leaks.has(id) ? -1 : here.indexOf(bytes)
        if (found >= 0) leaks.set(id, { id, path: pathAt(index, at - kept + found) })
      }
      await takeTurn()
      signal.throwIfAborted()
      at += count
      const rest = Math.min(overlap, here.length)
      here.copyWithin(0, here.length - rest)
      kept = rest
    }
  } finally {
    closeSync(fd)
  }
}

/** Returns the entry at a position: the last one that starts before it. */
function pathAt({ entries }: StoredLayer['index'], position: number): string {
  let best: (typeof entries)[number] | undefined
  for (const entry of entries)
    if (entry.at >= 0 && entry.at <= position && (best === undefined || entry.at > best.at)) best = entry
  return `/${best?.path ?? ''}`
}
