import { encodeName, TareError } from '../../support/index.ts'
import { blockSize, padding } from './block.ts'
import type { StoredRun, TarHeader } from './types.ts'
import {
  endOfArchive,
  fits,
  flagOf,
  largestElevenDigits,
  largestSevenDigits,
  putChecksum,
  putOctal,
  template,
  writeHeader,
} from './write-header.ts'

const extensionLimit = 1024 * 1024

/** Returns the length of the result of `encodeHeader`. */
export function headerLength(header: TarHeader): number {
  return writeHeader(scratch, 0, header) || encodeHeader(header).length
}

const scratch = Buffer.alloc(blockSize)

/**
 * Encodes an entry's header as Docker writes it: one block, or several if ustar cannot represent everything. A directory's name
 * ends in `/`; twelve mode bits are kept; seconds are whole, unless `exact` asks for the nanoseconds that Docker omits (since 1970); user and group names
 * are omitted. Throws a TareError for a name, number or attribute that tar cannot represent.
 */
export function encodeHeader(header: TarHeader, exact = false): Buffer {
  const timed = exact && isTimed(header)
  const block = Buffer.alloc(blockSize)
  if (!timed && writeHeader(block, 0, header) > 0) return block
  const named = rawNames(header)
  const split = timed ? undefined : splitPath(named.path)
  const said = split === undefined ? undefined : { ...header, path: split.name.toString('latin1') }
  if (said !== undefined && writeHeader(block.fill(0), 0, said) > 0) return withPrefix(block, split!.prefix)
  const records = recordsOf(header, named, timed)
  if (records.length > extensionLimit) {
    throw new TareError('TAR_EXTENSION_TOO_LONG', `the name and attributes of "${header.path}" take more than 1 MiB`, {
      remedy: 'Docker and Go do not read more than that for an entry: shorten its extended attributes.',
    })
  }
  const main = encodeMainBlock(header, named)
  return records.length === 0 ? main : extended(named, records, main)
}

/**
 * Encodes the header of a file with holes, and the map of its runs, in GNU tar's format 1.0: for GNU tar alone, since Docker writes no such
 * entries. The bytes of the runs follow, one after the other, up to a whole block.
 */
export function encodeSparseHeader(header: TarHeader, runs: readonly Omit<StoredRun, 'at'>[]): Buffer {
  const named = rawNames(header)
  // An empty run marks the end.
  const numbers = [runs.length + 1, ...runs.flatMap(({ position, length }) => [position, length]), header.size, 0]
  const map = Buffer.from(numbers.map((number) => `${number}\n`).join(''))
  const length = runs.reduce((sum, run) => sum + run.length, map.length + padding(map.length))
  const records = Buffer.concat(
    [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', named.path],
      ['GNU.sparse.realsize', String(header.size)],
    ].map(([key, value]) => encodeRecord(Buffer.from(key!), Buffer.from(value!))),
  )
  const stored = { ...header, size: length }
  return Buffer.concat([
    extended(named, Buffer.concat([recordsOf(stored, named, true), records]), encodeMainBlock(stored, named)),
    map,
    endOfArchive.subarray(0, padding(map.length)),
  ])
}

function extended(named: RawNames, records: Buffer, main: Buffer): Buffer {
  return Buffer.concat([
    encodeExtensionBlock(named.path, records.length),
    records,
    endOfArchive.subarray(0, padding(records.length)),
    main,
  ])
}

interface RawNames {
  readonly path: Buffer
  readonly link: Buffer
}

function rawNames(header: TarHeader): RawNames {
  const path = encodeName(header.kind === 'directory' && !header.path.endsWith('/') ? `${header.path}/` : header.path)
  const isLink = header.kind === 'symlink' || header.kind === 'hardlink'
  const link = isLink ? encodeName(header.link ?? '') : Buffer.alloc(0)
  if (path.length === 0 || path.includes(0) || link.includes(0)) {
    throw new TareError('TAR_NAME_INVALID', `${JSON.stringify(header.path)} cannot be the name of an entry`, {
      remedy: 'Names cannot be empty or contain a NUL byte.',
    })
  }
  return { path, link }
}

const nameSize = 100
const prefixSize = 155

/**
 * Splits a long name into ustar's two fields, which Docker prefers to an extended header: at the last `/` within reach of the
 * first field. Returns undefined if it does not fit, or is not ASCII.
 */
function splitPath(path: Buffer): { readonly prefix: Buffer; readonly name: Buffer } | undefined {
  if (path.length <= nameSize || !isAscii(path)) return undefined
  const isFolder = path.at(-1) === 47
  const reach = path.length > prefixSize + 1 ? prefixSize + 1 : path.length - (isFolder ? 1 : 0)
  const slash = path.subarray(0, reach).lastIndexOf(47)
  const name = path.subarray(slash + 1)
  return slash <= 0 || name.length === 0 || name.length > nameSize
    ? undefined
    : { prefix: path.subarray(0, slash), name }
}

function withPrefix(block: Buffer, prefix: Buffer): Buffer {
  block.set(prefix, 345)
  return sealed(block, block[156]!)
}

/** Returns what ustar cannot represent, as PAX records sorted by key. */
function recordsOf(header: TarHeader, { path, link }: RawNames, exact: boolean): Buffer {
  const size = header.kind === 'file' ? header.size : 0
  for (const [name, value, least] of [
    ['uid', header.uid, 0],
    ['gid', header.gid, 0],
    ['size', size, 0],
    ['time', header.mtime, Number.MIN_SAFE_INTEGER],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw new Error(`the ${name} of "${header.path}" is ${value}`)
  }
  const records = new Map<string, Uint8Array>()
  if (path.length > nameSize || !isAscii(path)) records.set('path', path)
  if (link.length > 100 || !isAscii(link)) records.set('linkpath', link)
  if (header.uid > largestSevenDigits) records.set('uid', Buffer.from(String(header.uid)))
  if (header.gid > largestSevenDigits) records.set('gid', Buffer.from(String(header.gid)))
  if (size > largestElevenDigits) records.set('size', Buffer.from(String(size)))
  const { mtime, mtimeNs } = header
  if (exact && isTimed(header)) records.set('mtime', Buffer.from(`${mtime}.${String(mtimeNs).padStart(9, '0')}`))
  else if (!fits(mtime, largestElevenDigits)) records.set('mtime', Buffer.from(String(mtime)))
  for (const [name, value] of header.xattrs ?? []) {
    if (name === '' || /[\0=]/.test(name)) {
      throw new TareError(
        'TAR_XATTR_INVALID',
        `"${header.path}" has an extended attribute named ${JSON.stringify(name)}`,
        {
          remedy: 'A tar cannot hold an attribute whose name is empty or contains "=" or NUL.',
        },
      )
    }
    records.set(`SCHILY.xattr.${name}`, value)
  }
  const keyed = [...records].map(([key, value]) => [encodeName(key), value] as const)
  return Buffer.concat(keyed.sort(([a], [b]) => Buffer.compare(a, b)).map(([key, value]) => encodeRecord(key, value)))
}

/** GNU tar adds the fraction of a time before 1970 instead of subtracting it. */
function isTimed({ mtime, mtimeNs }: TarHeader): boolean {
  return mtime >= 0 && mtimeNs > 0
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80)
}

/** `LENGTH KEY=VALUE\n`, where LENGTH includes its own digits. */
function encodeRecord(key: Uint8Array, value: Uint8Array): Buffer {
  const rest = key.length + value.length + 3
  let length = rest + String(rest).length
  length = rest + String(length).length
  return Buffer.concat([Buffer.from(`${length} `), key, Buffer.from('='), value, Buffer.from('\n')])
}

function encodeMainBlock(header: TarHeader, { path, link }: RawNames): Buffer {
  const block = Buffer.from(template)
  putName(block, 0, path)
  putName(block, 157, link)
  // Values that do not fit are 0 here; the record has the real one.
  putOctal(block, 106, header.mode & 0o7777)
  if (fits(header.uid, largestSevenDigits)) putOctal(block, 114, header.uid)
  if (fits(header.gid, largestSevenDigits)) putOctal(block, 122, header.gid)
  if (header.kind === 'file' && fits(header.size, largestElevenDigits)) putOctal(block, 134, header.size)
  if (fits(header.mtime, largestElevenDigits)) putOctal(block, 146, header.mtime)
  if (header.kind === 'char' || header.kind === 'block') {
    const { deviceMajor = 0, deviceMinor = 0 } = header
    if (!fits(deviceMajor, largestSevenDigits) || !fits(deviceMinor, largestSevenDigits)) {
      throw new TareError('TAR_DEVICE_INVALID', `"${header.path}" is the device ${deviceMajor}:${deviceMinor}`, {
        remedy: 'A tar holds device numbers up to 2097151.',
      })
    }
    putOctal(block, 335, deviceMajor)
    putOctal(block, 343, deviceMinor)
  }
  return sealed(block, flagOf[header.kind])
}

/** Encodes the header of the records: named after the entry, without owner, time and device fields. */
function encodeExtensionBlock(path: Buffer, size: number): Buffer {
  const block = Buffer.from(template).fill(0, 329, 345)
  const slash = path.lastIndexOf(47) + 1
  const folder = path.toString('latin1', 0, slash)
  const name = cleanPath(`${folder}/PaxHeaders.0/${path.toString('latin1', slash)}`, folder.startsWith('/'))
  block.write(
    name
      .replace(/[\0\x80-\xff]/g, '')
      .slice(0, 100)
      .replace(/\/+$/, ''),
    0,
    'latin1',
  )
  putOctal(block, 134, size)
  return sealed(block, 'x'.charCodeAt(0))
}

/** Normalizes a path like Go's path.Join: no `.`, no double slashes, `..` resolved where possible. */
function cleanPath(path: string, rooted: boolean): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (!rooted) parts.push('..')
  }
  return (rooted ? '/' : '') + parts.join('/')
}

/**
 * Writes a name's ASCII form, cut to the field's 100 bytes. If a file's name would be cut right after a `/`, that `/` is dropped,
 * since it would look like a directory.
 */
function putName(block: Buffer, at: number, name: Buffer): void {
  const ascii = isAscii(name) ? name : Buffer.from(name.filter((byte) => byte < 0x80))
  block.set(ascii.subarray(0, 100), at)
  if (ascii.length <= 100 || ascii[99] !== 47) return
  let end = 99
  while (end > 0 && ascii[end - 1] === 47) end--
  block[at + end] = 0
}

function sealed(block: Buffer, flag: number): Buffer {
  block[156] = flag
  block.fill(32, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  putChecksum(block, 0, sum)
  block[154] = 0
  return block
}
