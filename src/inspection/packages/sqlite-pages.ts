/** A file to read parts of. `read` fills `into` from `position`. */
export interface RandomBytes {
  readonly size: number
  read(into: Uint8Array, position: number): void
}

/** The database is damaged, or of a kind that is not read here. */
export class SqliteDamage extends Error {}

/** The pages of a database as its last whole transaction left them. */
export interface Pages {
  /** Bytes of a page that hold content: the page less what is reserved at its end. */
  readonly usable: number
  /** The page's bytes; pages count from 1. */
  read(page: number): Buffer
  /** Says that a record has so many bytes. All records together have no more than the file: else they share pages. */
  spend(bytes: number): void
}

// The database of a full desktop has about 200 MB.
const contentLimit = 1 << 30

const magic = 'SQLite format 3\0'

/**
 * Opens a database of SQLite with its write-ahead log, if it has one: what is in the log and committed counts, as for
 * SQLite. (sqlite.org/fileformat2.html)
 */
export function openPages(file: RandomBytes, log: RandomBytes | undefined): Pages {
  if (file.size < 512) throw new SqliteDamage('shorter than a page')
  const header = bytesOf(file, 0, 100)
  if (header.toString('latin1', 0, 16) !== magic) throw new SqliteDamage('no database of SQLite')
  const given = header.readUInt16BE(16)
  const size = given === 1 ? 65_536 : given
  if (size < 512 || (size & (size - 1)) !== 0) throw new SqliteDamage(`a page size of ${size}`)
  const logged = log === undefined ? new Map<number, number>() : committedFrames(log, size)
  let left = Math.min(file.size + (log?.size ?? 0), contentLimit)
  return {
    usable: size - header[20]!,
    spend: (bytes) => {
      left -= bytes
      if (left < 0) throw new SqliteDamage('its records have more bytes than there are')
    },
    read: (page) => {
      const at = logged.get(page)
      if (at !== undefined) return bytesOf(log!, at, size)
      if (page < 1 || page * size > file.size) throw new SqliteDamage(`no page ${page}`)
      return bytesOf(file, (page - 1) * size, size)
    },
  }
}

function bytesOf(file: RandomBytes, position: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  file.read(bytes, position)
  return bytes
}

/** Where in the log the newest committed content of each page is. A frame counts while salts and checksums are right. */
function committedFrames(log: RandomBytes, pageSize: number): ReadonlyMap<number, number> {
  const committed = new Map<number, number>()
  if (log.size < 32) return committed
  const header = bytesOf(log, 0, 32)
  const kind = header.readUInt32BE(0)
  if ((kind & ~1) >>> 0 !== 0x377f0682 || header.readUInt32BE(8) !== pageSize) return committed
  const littleEndian = (kind & 1) === 0
  let sum = checksum(header.subarray(0, 24), [0, 0], littleEndian)
  if (sum[0] !== header.readUInt32BE(24) || sum[1] !== header.readUInt32BE(28)) return committed
  const open = new Map<number, number>()
  const frame = Buffer.alloc(24 + pageSize)
  for (let at = 32; at + frame.length <= log.size; at += frame.length) {
    log.read(frame, at)
    if (frame.compare(header, 16, 24, 8, 16) !== 0) break
    sum = checksum(frame.subarray(24), checksum(frame.subarray(0, 8), sum, littleEndian), littleEndian)
    if (sum[0] !== frame.readUInt32BE(16) || sum[1] !== frame.readUInt32BE(20)) break
    open.set(frame.readUInt32BE(0), at + 24)
    if (frame.readUInt32BE(4) === 0) continue
    for (const [page, place] of open) committed.set(page, place)
    open.clear()
  }
  return committed
}

function checksum(bytes: Buffer, [first, second]: readonly [number, number], littleEndian: boolean): [number, number] {
  let a = first
  let b = second
  for (let i = 0; i + 8 <= bytes.length; i += 8) {
    a = (a + (littleEndian ? bytes.readUInt32LE(i) : bytes.readUInt32BE(i)) + b) >>> 0
    b = (b + (littleEndian ? bytes.readUInt32LE(i + 4) : bytes.readUInt32BE(i + 4)) + a) >>> 0
  }
  return [a, b]
}
