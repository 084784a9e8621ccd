import { type Bytes, collect, TareError } from '../../support/index.ts'
import { blockSize, padding } from './block.ts'
import { readTar } from './read-tar.ts'
import { scanTar } from './scan-tar.ts'
import type { StoredEntry, TarHeader } from './types.ts'

// For the tests of this room only.

export type WholeEntry = TarHeader & { readonly data: Buffer }

/** Returns the bytes as a stream of pieces. */
export async function* pieces(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Reads all entries with their bodies from a stream of pieces of `size` bytes. */
export async function readWhole(tar: Uint8Array, size = 64 * 1024): Promise<WholeEntry[]> {
  const entries: WholeEntry[] = []
  for await (const { body, ...header } of readTar(pieces(tar, size))) {
    entries.push({ ...header, data: await collect(body, 1e8) })
  }
  return entries
}

/** Reads the same entries from an archive on disk. */
export function scanWhole(tar: Uint8Array): WholeEntry[] {
  const read = (into: Uint8Array, position: number) => {
    // Short on purpose: a read may always return less than requested.
    const part = tar.subarray(position, position + Math.min(into.length, 1000))
    into.set(part)
    return part.length
  }
  return [...scanTar({ size: tar.length, read })].map(({ runs, at: _, ...header }) => ({
    ...header,
    data: contentOf(tar, header, runs),
  }))
}

/** Returns the paths of an archive, which must be the same for both readers. */
export async function pathsOf(...parts: readonly Uint8Array[]): Promise<readonly string[]> {
  const tar = Buffer.concat(parts)
  const read = await readWhole(tar)
  if (asText(scanWhole(tar)) !== asText(read)) throw new Error('flowing and at rest, the archive is not the same')
  return read.map(({ path }) => path)
}

function asText(entries: readonly WholeEntry[]): string {
  return JSON.stringify(
    entries.map(({ xattrs, ...entry }) => [entry, [...(xattrs ?? [])].map(([name, value]) => [name, [...value]])]),
  )
}

/** Returns the error codes of both readers; one code if they agree. Every error has to be a TareError. */
export async function codesOf(...parts: readonly Uint8Array[]): Promise<readonly (string | undefined)[]> {
  const tar = Buffer.concat(parts)
  const ways = [() => readWhole(tar), () => readWhole(tar, 100), async () => scanWhole(tar)]
  const codes = ways.map(async (read) => {
    try {
      await read()
      return undefined
    } catch (error) {
      if (!(error instanceof TareError)) throw error
      if (!/at byte \d+/.test(error.message) || !error.remedy) throw new Error(`this says too little: ${error.message}`)
      return error.code
    }
  })
  return [...new Set(await Promise.all(codes))]
}

function contentOf(tar: Uint8Array, header: TarHeader, runs: StoredEntry['runs']): Buffer {
  const data = Buffer.alloc(header.size)
  for (const { position, length, at } of runs) data.set(tar.subarray(at, at + length), position)
  return data
}

export interface RawFields {
  path?: string
  mode?: string
  uid?: string
  gid?: string
  size?: string | number
  mtime?: string
  type?: string
  link?: string
  magic?: string
  prefix?: string
  /** Bytes to overwrite, by position. */
  also?: Readonly<Record<number, string>>
}

/** Returns a header block with exactly these fields and a valid checksum. Text is latin1. */
export function rawBlock(fields: RawFields): Buffer {
  const block = Buffer.alloc(blockSize)
  const size =
    typeof fields.size === 'number' ? fields.size.toString(8).padStart(11, '0') : (fields.size ?? '00000000000')
  const values: Readonly<Record<number, string>> = {
    0: fields.path ?? 'file',
    100: fields.mode ?? '0000644',
    108: fields.uid ?? '0000000',
    116: fields.gid ?? '0000000',
    124: size,
    136: fields.mtime ?? '00000000000',
    156: fields.type ?? '0',
    157: fields.link ?? '',
    257: fields.magic ?? 'ustar\x0000',
    345: fields.prefix ?? '',
    ...fields.also,
  }
  for (const [at, text] of Object.entries(values)) block.write(text, Number(at), 'latin1')
  return sealed(block)
}

/** Sets the checksum of a header block. */
export function sealed(block: Buffer): Buffer {
  block.fill(32, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** Returns a header and a body padded to whole blocks. */
export function rawEntry(fields: RawFields, body: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(body as string, 'latin1')
  return Buffer.concat([rawBlock({ size: bytes.length, ...fields }), bytes, Buffer.alloc(padding(bytes.length))])
}

/** Returns an extended header with these records, given as `key=value`. */
export function rawRecords(records: readonly string[], type = 'x'): Buffer {
  return rawEntry({ type }, records.map(rawRecord).join(''))
}

export function rawRecord(record: string): string {
  let length = record.length + 2
  while (`${length} ${record}\n`.length !== length) length++
  return `${length} ${record}\n`
}
