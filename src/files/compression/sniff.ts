export type Format = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'none'

/** The number of bytes `sniff` needs. */
export const sniffLength = 8

/** Detects the compression by the magic numbers Docker uses. */
export function sniff(head: Uint8Array): Format {
  if (begins(head, [0x1f, 0x8b, 0x08])) return 'gzip'
  if (begins(head, [0x42, 0x5a, 0x68])) return 'bzip2'
  if (begins(head, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])) return 'xz'
  if (begins(head, [0x28, 0xb5, 0x2f, 0xfd])) return 'zstd'
  // A skippable frame: 16 magic numbers, then its length.
  if (head.length >= 8 && (head[0]! & 0xf0) === 0x50 && begins(head.subarray(1), [0x2a, 0x4d, 0x18])) return 'zstd'
  return 'none'
}

function begins(head: Uint8Array, magic: readonly number[]): boolean {
  return head.length >= magic.length && magic.every((byte, i) => head[i] === byte)
}
