import { blockSize, isZero, padding, readText, type Wanting } from './block.ts'
import { damaged, truncated } from './damage.ts'
import { type Draft, readHeaderBlock } from './header-block.ts'
import { type PaxRecords, parsePax, paxNumber, paxText, readTime } from './pax.ts'
import { readOldSparseMap, readPaxSparseMap, type Stretch } from './sparse.ts'

/** An entry with extensions applied, and the position of its body. */
export interface FoundEntry {
  readonly draft: Draft
  /** Offset of the entry's own header block. */
  readonly at: number
  readonly bodyAt: number
  /** Size of the body in the archive, without padding and without a sparse file's holes. */
  readonly stored: number
  /** The stored parts of a sparse file; undefined for others. */
  readonly stretches: readonly Stretch[] | undefined
}

const flag = (character: string) => character.charCodeAt(0)
const extended = flag('x')
const globalExtended = flag('g')
const longName = flag('L')
const longLink = flag('K')
const oldSparse = flag('S')

// Go's archive/tar has the same limit for one extended header, but none for several in a row.
const extensionLimit = 1024 * 1024
const extensionsLimit = 4 * extensionLimit

/**
 * Reads headers from `start` up to the first entry; returns undefined at the end of the archive. Accepts and refuses the same as
 * Go's `Reader.Next`, which Docker uses: an archive may end between two entries without its two zero blocks, and global PAX
 * headers are entries of their own with no effect.
 */
export function* findEntry(start: number): Wanting<FoundEntry | undefined> {
  let position = start
  let records: PaxRecords | undefined
  let path = ''
  let link = ''
  let extensions = 0
  for (;;) {
    const at = position
    const block = yield blockSize
    if (block.length < blockSize) {
      if (block.length === 0 && extensions === 0) return undefined
      throw truncated(at + block.length, 'a header')
    }
    position += blockSize
    if (block[0] === 0 && isZero(block)) {
      const second = yield blockSize
      if (second.length > 0 && second.length < blockSize) throw truncated(position + second.length, 'the end marker')
      if (!isZero(second)) throw damaged('TAR_HEADER_INVALID', position, 'a block of zeros comes before a header')
      return undefined
    }
    const draft = readHeaderBlock(block, at)
    // Before records are applied: a negative size is refused even if a record would replace it.
    storedSize(draft, at)
    switch (draft.type) {
      case extended:
      case globalExtended:
      case longName:
      case longLink: {
        extensions += blockSize + draft.size
        if (draft.size > extensionLimit || extensions > extensionsLimit) {
          throw damaged('TAR_EXTENSION_TOO_LONG', at, 'the extended headers of one entry are unreasonably long')
        }
        const body: Buffer = draft.size === 0 ? empty : yield draft.size + padding(draft.size)
        if (body.length < draft.size) throw truncated(position + body.length, 'an extended header')
        if (draft.type === longName) path = readText(body, 0, draft.size)
        else if (draft.type === longLink) link = readText(body, 0, draft.size)
        // Copied, since the values are used after the next header has been read.
        else records = parsePax(Buffer.from(body.subarray(0, draft.size)), position)
        position += draft.size + padding(draft.size)
        if (draft.type === globalExtended) {
          return { draft, at, bodyAt: position, stored: 0, stretches: undefined }
        }
        break
      }
      default: {
        // Copied, since the next read may reuse the memory.
        const header = draft.type === oldSparse ? Buffer.from(block) : block
        if (records !== undefined) applyRecords(draft, records, at)
        if (path !== '') draft.path = path
        if (link !== '') draft.link = link
        if (draft.type === 0) draft.type = draft.path.endsWith('/') ? flag('5') : flag('0')
        const stored = storedSize(draft, at)
        if (draft.type === oldSparse) {
          const map = yield* readOldSparseMap(draft, header, position)
          return { draft, at, bodyAt: position + map.length, stored, stretches: map.stretches }
        }
        if (records === undefined) return { draft, at, bodyAt: position, stored, stretches: undefined }
        const map = yield* readPaxSparseMap(draft, records, position, stored)
        if (map === undefined) return { draft, at, bodyAt: position, stored, stretches: undefined }
        return { draft, at, bodyAt: position + map.length, stored: stored - map.length, stretches: map.stretches }
      }
    }
  }
}

const empty = Buffer.alloc(0)

/** Returns the size of the body: links, devices, directories and fifos have none, whatever their size field says. */
function storedSize(draft: Draft, at: number): number {
  if (draft.type >= 0x31 && draft.type <= 0x36) return 0
  if (draft.size < 0) throw damaged('TAR_SIZE_INVALID', at, `the size of "${draft.path}" is negative`)
  return draft.size
}

const xattrPrefix = 'SCHILY.xattr.'

function applyRecords(draft: Draft, records: PaxRecords, at: number): void {
  const number = (key: string): number | undefined => {
    const value = paxNumber(records, key)
    if (Number.isNaN(value)) throw damaged('TAR_PAX_INVALID', at, `the "${key}" of the extended header is not a number`)
    return value
  }
  draft.path = paxText(records, 'path') ?? draft.path
  draft.link = paxText(records, 'linkpath') ?? draft.link
  draft.uname = paxText(records, 'uname') ?? draft.uname
  draft.gname = paxText(records, 'gname') ?? draft.gname
  draft.size = number('size') ?? draft.size
  draft.uid = number('uid') ?? draft.uid
  draft.gid = number('gid') ?? draft.gid
  draft.major = number('SCHILY.devmajor') ?? draft.major
  draft.minor = number('SCHILY.devminor') ?? draft.minor
  for (const key of ['mtime', 'atime', 'ctime']) {
    const value = records.values.get(key)
    if (value === undefined || value.length === 0) continue
    const time = readTime(value.toString('latin1'))
    if (time === undefined) throw damaged('TAR_PAX_INVALID', at, `the "${key}" of the extended header is not a time`)
    if (key !== 'mtime') continue
    draft.mtime = time.seconds
    draft.mtimeNs = time.nanoseconds
  }
  for (const [key, value] of records.values) {
    if (!key.startsWith(xattrPrefix)) continue
    draft.xattrs ??= new Map()
    draft.xattrs.set(key.slice(xattrPrefix.length), Uint8Array.from(value))
  }
}
