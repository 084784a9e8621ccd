import { openPages, type Pages, type RandomBytes, SqliteDamage } from './sqlite-pages.ts'

/** One column of a row. */
export type SqliteValue = null | number | bigint | Buffer

const depthLimit = 20

/**
 * The rows of a table, in the order of their keys; text is bytes. Throws SqliteDamage. Reads tables and nothing else: no
 * index, no view, no `WITHOUT ROWID`.
 */
export function* readTable(
  file: RandomBytes,
  log: RandomBytes | undefined,
  table: string,
): Generator<readonly SqliteValue[]> {
  const pages = openPages(file, log)
  for (const [type, name, , root] of readTree(pages, 1, 0, new Set())) {
    if (String(type) !== 'table' || String(name) !== table) continue
    yield* readTree(pages, Number(root), 0, new Set())
    return
  }
  throw new SqliteDamage(`no table ${table}`)
}

/** The rows of the tree whose top is this page. `seen` has the pages on the way: none may come twice. */
function* readTree(pages: Pages, number: number, depth: number, seen: Set<number>): Generator<SqliteValue[]> {
  if (depth > depthLimit || seen.has(number)) throw new SqliteDamage(`page ${number} is in a circle`)
  seen.add(number)
  const page = pages.read(number)
  const start = number === 1 ? 100 : 0
  const kind = page[start]
  if (kind !== 0x05 && kind !== 0x0d) throw new SqliteDamage(`page ${number} is not of a table`)
  const cells = page.readUInt16BE(start + 3)
  const list = start + (kind === 0x05 ? 12 : 8)
  if (list + cells * 2 > page.length) throw new SqliteDamage(`page ${number} has ${cells} cells`)
  for (let i = 0; i < cells; i++) {
    const at = page.readUInt16BE(list + i * 2)
    if (at + 4 > page.length) throw new SqliteDamage(`page ${number} has a cell outside`)
    if (kind === 0x05) yield* readTree(pages, page.readUInt32BE(at), depth + 1, seen)
    else yield readRecord(payloadOf(pages, page, at))
  }
  if (kind === 0x05) yield* readTree(pages, page.readUInt32BE(start + 8), depth + 1, seen)
}

/** The payload of a leaf's cell, including its overflow pages. */
function payloadOf(pages: Pages, page: Buffer, at: number): Buffer {
  const [size, afterSize] = varint(page, at)
  const [, start] = varint(page, afterSize)
  pages.spend(size)
  const most = pages.usable - 35
  if (size <= most) return partOf(page, start, size)
  const least = Math.floor(((pages.usable - 12) * 32) / 255) - 23
  const fitting = least + ((size - least) % (pages.usable - 4))
  const here = fitting <= most ? fitting : least
  const payload = Buffer.alloc(size)
  partOf(page, start, here).copy(payload)
  let next = partOf(page, start + here, 4).readUInt32BE(0)
  for (let done = here; done < size; ) {
    const overflow = pages.read(next)
    const count = Math.min(pages.usable - 4, size - done)
    overflow.copy(payload, done, 4, 4 + count)
    done += count
    next = overflow.readUInt32BE(0)
  }
  return payload
}

function partOf(page: Buffer, start: number, size: number): Buffer {
  if (start + size > page.length) throw new SqliteDamage('a record leaves its page')
  return page.subarray(start, start + size)
}

const fixedSizes = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

function readRecord(payload: Buffer): SqliteValue[] {
  const [headerSize, first] = varint(payload, 0)
  if (headerSize > payload.length) throw new SqliteDamage('a record without an end')
  const values: SqliteValue[] = []
  let body = headerSize
  for (let at = first; at < headerSize; ) {
    const [type, next] = varint(payload, at)
    at = next
    const size = type < 10 ? fixedSizes[type]! : type >= 12 ? Math.floor((type - 12) / 2) : 0
    values.push(readValue(type, partOf(payload, body, size)))
    body += size
  }
  return values
}

function readValue(type: number, bytes: Buffer): SqliteValue {
  if (type === 0) return null
  if (type <= 5) return bytes.readIntBE(0, bytes.length)
  if (type === 6) return bytes.readBigInt64BE(0)
  if (type === 7) return bytes.readDoubleBE(0)
  if (type === 8 || type === 9) return type - 8
  if (type < 12) throw new SqliteDamage(`a value of type ${type}`)
  return bytes
}

/** A number of up to nine bytes, and where the next begins. Sizes beyond 2⁵³ are none that exist. */
function varint(bytes: Buffer, at: number): readonly [value: number, next: number] {
  let value = 0
  for (let i = 0; i < 9; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) throw new SqliteDamage('a number is cut short')
    if (i === 8) return [value * 256 + byte, at + 9]
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return [value, at + i + 1]
  }
  return [value, at + 9]
}
