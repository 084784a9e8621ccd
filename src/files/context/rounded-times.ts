import { lstatSync, type Stats } from 'node:fs'

// A stat has times as doubles, some 200 ns off: one right before a full second appears as that second, in which layers, which have no
// fractions, would then have it.

/** Whether the file may have been modified before the second that its stat says. */
export function mayBeRounded({ mtimeMs }: Stats): boolean {
  return mtimeMs % 1000 === 0
}

/** Sets the stat's time of modification to one in the second in which the file was modified. */
export function roundDown(stat: Stats, path: string | Buffer): void {
  const exact = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  const second = BigInt(stat.mtimeMs) * 1_000_000n
  if (exact !== undefined && exact.mtimeNs < second && exact.mtimeNs > second - 1000n) stat.mtimeMs -= 1 / 2048
}
