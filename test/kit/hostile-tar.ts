import { encodeHeader, endOfArchive, padding, type TarHeader } from '../../src/files/tar/index.ts'

// Archives that no honest tool writes, made entry by entry.

type Fields = Partial<TarHeader> & { readonly path: string }

/** One entry: its header and its padded body. */
export function entry(fields: Fields, body: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(body as string)
  const header = encodeHeader({
    kind: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: fields.kind === undefined || fields.kind === 'file' ? bytes.length : 0,
    mtime: 1_600_000_000,
    mtimeNs: 0,
    ...fields,
  })
  return Buffer.concat([header, bytes, Buffer.alloc(padding(bytes.length))])
}

export const symlink = (path: string, link: string): Buffer => entry({ path, kind: 'symlink', link })
export const hardLink = (path: string, link: string): Buffer => entry({ path, kind: 'hardlink', link })
export const folder = (path: string): Buffer => entry({ path: `${path}/`, kind: 'directory', mode: 0o755 })

export function archiveOf(...entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...entries, endOfArchive])
}

/** A header block with some bytes written over and a checksum that fits again. */
export function forged(block: Buffer, at: number, bytes: string | Uint8Array): Buffer {
  const copy = Buffer.from(block)
  copy.set(Buffer.from(bytes as string), at)
  copy.fill(' ', 148, 156)
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return copy
}

/** An extended header (PAX) of this body. */
export function pax(body: string | Uint8Array, type = 'x'): Buffer {
  return forged(entry({ path: 'pax' }, body), 156, type)
}

/** One record of an extended header. */
export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest) + 1
  while (Buffer.byteLength(`${length}${rest}`) !== length) length++
  return `${length}${rest}`
}

/** A header that says its entry has a body of so many bytes. */
export function claiming(size: string): Buffer {
  return forged(entry({ path: 'large' }), 124, `${size}\0`)
}
