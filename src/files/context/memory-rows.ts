import { decodeName, encodeName } from '../../support/index.ts'

/** The part of a file's stat that changes whenever its content does. Times in milliseconds since 1970. */
export interface Sight {
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
}

// A row: length of the name, name, size, mtimeMs, ctimeMs, ino, sha256.
const nameAt = 2
const digestAt = 32
const factsLength = digestAt + 32

/** Whether the bytes consist of complete rows. */
export function areRows(bytes: Buffer): boolean {
  let at = 0
  while (at + nameAt <= bytes.length) at = rowEnd(bytes, at)
  return at === bytes.length
}

export function rowEnd(rows: Buffer, at: number): number {
  return factsOf(rows, at) + factsLength
}

export function isRowOf(rows: Buffer, at: number, name: string): boolean {
  const length = rows.readUInt16LE(at)
  if (length !== name.length) return rowName(rows, at) === name
  // Compares most names without creating a string.
  for (let i = 0; i < length; i++) {
    const byte = rows[at + nameAt + i]!
    if (byte >= 0x80) return rowName(rows, at) === name
    if (byte !== name.charCodeAt(i)) return false
  }
  return true
}

export function rowName(rows: Buffer, at: number): string {
  return decodeName(rows.subarray(at + nameAt, factsOf(rows, at)))
}

export function isRowLike(rows: Buffer, at: number, { size, mtimeMs, ctimeMs, ino }: Sight): boolean {
  const facts = factsOf(rows, at)
  return (
    rows.readDoubleLE(facts) === size &&
    rows.readDoubleLE(facts + 8) === mtimeMs &&
    rows.readDoubleLE(facts + 16) === ctimeMs &&
    rows.readDoubleLE(facts + 24) === ino
  )
}

/** The row's SHA-256 in hexadecimal. */
export function rowDigest(rows: Buffer, at: number): string {
  const digest = factsOf(rows, at) + digestAt
  return rows.toString('hex', digest, digest + 32)
}

/** Returns an upper bound for the length of a row. */
export function roomFor(name: string): number {
  return nameAt + 3 * name.length + factsLength
}

/** Writes a row at `from`. Returns its end. */
export function writeRow(rows: Buffer, from: number, name: string, facts: Float64Array, digest: Uint8Array): number {
  const encoded = encodeName(name)
  rows.writeUInt16LE(encoded.length, from)
  encoded.copy(rows, from + nameAt)
  const at = factsOf(rows, from)
  for (let i = 0; i < facts.length; i++) rows.writeDoubleLE(facts[i]!, at + i * 8)
  rows.set(digest, at + digestAt)
  return at + factsLength
}

function factsOf(rows: Buffer, at: number): number {
  return at + nameAt + rows.readUInt16LE(at)
}
