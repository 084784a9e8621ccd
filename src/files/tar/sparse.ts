import { blockSize, readNumber, type Wanting } from './block.ts'
import { damaged, truncated } from './damage.ts'
import type { Draft } from './header-block.ts'
import { type PaxRecords, paxNumber, paxText, readDecimal } from './pax.ts'

/** A stored part of a sparse file; the rest is zeros. */
export interface Stretch {
  readonly position: number
  readonly length: number
}

interface SparseMap {
  readonly stretches: readonly Stretch[]
  /** Number of bytes the map occupies between header and body. */
  readonly length: number
}

const mapLimit = 1024 * 1024

/**
 * Reads GNU's old sparse format: four parts in the header, more in the following blocks. Sets the draft's size to the real one.
 */
export function* readOldSparseMap(draft: Draft, header: Buffer, position: number): Wanting<SparseMap> {
  const wrong = (what: string) =>
    damaged('TAR_SPARSE_INVALID', position, `the map of the sparse file "${draft.path}" ${what}`)
  if (!draft.gnu) throw wrong('is in a header that is not GNU tar’s')
  const stored = draft.size
  draft.size = readNumber(header, 483, 12)
  const stretches: Stretch[] = []
  let length = 0
  readStretches(stretches, header, 386, 4)
  for (let more = header[482] !== 0; more; ) {
    length += blockSize
    if (length > mapLimit) throw wrong('is unreasonably long')
    const block = yield blockSize
    if (block.length < blockSize) throw truncated(position + length, `the map of the sparse file "${draft.path}"`)
    readStretches(stretches, block, 0, 21)
    more = block[504] !== 0
  }
  checkMap(stretches, draft.size, wrong)
  draft.mapMatches = sum(stretches) === stored
  return { stretches, length }
}

function readStretches(into: Stretch[], block: Buffer, from: number, count: number): void {
  // A field starting with NUL ends the map, as in GNU tar and bsdtar.
  for (let at = from; at < from + 24 * count && block[at] !== 0; at += 24) {
    into.push({ position: readNumber(block, at, 12), length: readNumber(block, at + 12, 12) })
  }
}

/**
 * Reads GNU's sparse formats 0.0, 0.1 and 1.0, which use PAX records. Returns undefined for a file that is not sparse, or in
 * another format.
 */
export function* readPaxSparseMap(
  draft: Draft,
  records: PaxRecords,
  position: number,
  stored: number,
): Wanting<SparseMap | undefined> {
  const wrong = (what: string) =>
    damaged('TAR_SPARSE_INVALID', position, `the map of the sparse file "${draft.path}" ${what}`)
  const version = `${paxText(records, 'GNU.sparse.major') ?? ''}.${paxText(records, 'GNU.sparse.minor') ?? ''}`
  const inBody = version === '1.0'
  if (!inBody && version !== '0.0' && version !== '0.1' && (version !== '.' || records.sparseMap.length === 0)) {
    return undefined
  }
  draft.path = paxText(records, 'GNU.sparse.name') ?? draft.path
  draft.size = paxNumber(records, 'GNU.sparse.size') ?? paxNumber(records, 'GNU.sparse.realsize') ?? draft.size
  const map = inBody ? yield* readMapInBody(position, stored, wrong) : readMapInRecords(records, wrong)
  if (draft.type >= 0x31 && draft.type <= 0x36) throw wrong('belongs to no file')
  checkMap(map.stretches, draft.size, wrong)
  draft.mapMatches = sum(map.stretches) === stored - map.length
  return map
}

type Wrong = (what: string) => Error

function readMapInRecords(records: PaxRecords, wrong: Wrong): SparseMap {
  const count = paxNumber(records, 'GNU.sparse.numblocks')
  if (count === undefined || count * 2 !== records.sparseMap.length) throw wrong('does not have the length it claims')
  return { stretches: pairs(records.sparseMap.map(readDecimal)), length: 0 }
}

/** Reads decimal numbers, one per line: the number of parts, then each part's position and length; padded to a block. */
function* readMapInBody(position: number, stored: number, wrong: Wrong): Wanting<SparseMap> {
  const numbers: number[] = []
  let length = 0
  let line = ''
  for (;;) {
    if (length + blockSize > stored) throw wrong('is longer than the entry')
    if (length + blockSize > mapLimit) throw wrong('is unreasonably long')
    const block = yield blockSize
    if (block.length < blockSize) throw truncated(position + length, 'the map of a sparse file')
    length += blockSize
    const lines = (line + block.toString('latin1')).split('\n')
    line = lines.pop() ?? ''
    for (const text of lines) {
      if (numbers.length > 0 && numbers.length === 1 + 2 * numbers[0]!) break
      const number = readDecimal(text)
      if (!(number >= 0)) throw wrong('contains something that is not a number')
      numbers.push(number)
    }
    if (numbers.length > 0 && numbers.length === 1 + 2 * numbers[0]!) {
      return { stretches: pairs(numbers.slice(1)), length }
    }
  }
}

function pairs(numbers: readonly number[]): readonly Stretch[] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    position: numbers[2 * i]!,
    length: numbers[2 * i + 1]!,
  }))
}

/** Parts must be in order, must not overlap or exceed the file, and the size must be valid. */
function checkMap(stretches: readonly Stretch[], size: number, wrong: Wrong): void {
  if (!(size >= 0)) throw wrong('has no size')
  let end = 0
  for (const stretch of stretches) {
    if (!(stretch.position >= 0) || !(stretch.length >= 0)) throw wrong('contains something that is not a number')
    if (stretch.position < end) throw wrong('overlaps or goes backwards')
    end = stretch.position + stretch.length
    if (end > size) throw wrong('reaches past the end of the file')
  }
}

function sum(stretches: readonly Stretch[]): number {
  return stretches.reduce((total, { length }) => total + length, 0)
}
