import { writeSync } from 'node:fs'

/** Writes bytes to a file, however many calls of the system that takes. Default: all of them. */
export function writeWhole(fd: number, bytes: Uint8Array, from = 0, to = bytes.length): void {
  for (let at = from; at < to; ) at += writeSync(fd, bytes, at, to - at)
}
