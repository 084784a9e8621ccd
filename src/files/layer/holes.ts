import { statSync } from 'node:fs'
import { systemPath } from '../../support/index.ts'
import type { StoredRun } from '../tar/index.ts'
import type { RegularFile } from '../tree/index.ts'
import { ContentReader, pieces } from './content.ts'

// Files with smaller holes are written whole: that costs less than looking for them.
const worthLooking = 16 << 20

/** Whether the file on disk has holes worth preserving. */
export function hasHoles(path: string): boolean {
  const stat = statSync(systemPath(path), { throwIfNoEntry: false })
  return stat !== undefined && stat.size - stat.blocks * 512 >= worthLooking
}

/**
 * Returns the parts of the file that are not zeros; undefined if it has no large holes. Node cannot ask the system where holes
 * are, so the file is read if it has any.
 */
export function findRuns(file: RegularFile): readonly Omit<StoredRun, 'at'>[] | undefined {
  const { content, size } = file
  if (size < worthLooking || content.kind === 'inline' || !hasHoles(content.path)) return undefined
  const reader = new ContentReader()
  const runs: { position: number; length: number }[] = []
  let position = 0
  let zeros: Buffer | undefined
  let left = 0
  try {
    for (const piece of pieces(content, size, reader)) {
      zeros ??= Buffer.alloc(piece.length)
      const last = runs.at(-1)
      if (zeros.compare(piece, 0, piece.length, 0, piece.length) === 0) left += piece.length
      else if (last !== undefined && last.position + last.length === position) last.length += piece.length
      else runs.push({ position, length: piece.length })
      position += piece.length
    }
  } finally {
    reader.close()
  }
  return left < worthLooking ? undefined : runs
}
