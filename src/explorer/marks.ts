import type { ChangeColumns } from '../api/index.ts'

/** What happened to a path between two layers. `absent`: it is in neither. `rewritten`: it is there again, at most with another time. */
export const marks = ['absent', 'same', 'added', 'changed', 'rewritten', 'removed'] as const
export type Mark = (typeof marks)[number]

export const [absent, same, added, changed, rewritten, removed] = [0, 1, 2, 3, 4, 5] as const

/** In `ChangeColumns.type`. */
export const directory = 1

// The time of a directory changes with every change in it, and copying a file again does not change it.
const onlyTime = 64

/** Returns what each change does to a path that was there. */
export function effectsOf({ change, differences, type }: ChangeColumns): Uint8Array {
  return Uint8Array.from(change, (code, i) => {
    if (code === 0) return added
    if (code === 3) return removed
    if (code === 1 && differences[i] !== onlyTime) return changed
    return type[i] === directory ? same : rewritten
  })
}
