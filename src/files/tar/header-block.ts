import { checksumMatches, hasText, readNumber, readText } from './block.ts'
import { damaged } from './damage.ts'

/** The fields of a header block, to which extensions are applied. Numbers are not validated yet. */
export interface Draft {
  /** The type flag's character code. */
  type: number
  path: string
  link: string
  mode: number
  uid: number
  gid: number
  size: number
  mtime: number
  mtimeNs: number
  uname: string
  gname: string
  major: number
  minor: number
  xattrs: Map<string, Uint8Array> | undefined
  /** Whether the map of a sparse file accounts for all stored bytes. */
  mapMatches: boolean
  /** Whether this is a GNU header: only those contain sparse maps. */
  readonly gnu: boolean
}

/** Reads a header block in v7, ustar, star or GNU format. `position` is for errors. */
export function readHeaderBlock(block: Buffer, position: number): Draft {
  if (!checksumMatches(block)) throw damaged('TAR_CHECKSUM', position, 'the checksum of the header is wrong')
  const ustar = hasText(block, 257, 'ustar\0')
  const gnu = !ustar && hasText(block, 257, 'ustar  \0')
  const draft: Draft = {
    type: block[156]!,
    path: readText(block, 0, 100),
    link: block[157] === 0 ? '' : readText(block, 157, 100),
    mode: readNumber(block, 100, 8),
    uid: readNumber(block, 108, 8),
    gid: readNumber(block, 116, 8),
    size: readNumber(block, 124, 12),
    mtime: readNumber(block, 136, 12),
    mtimeNs: 0,
    uname: '',
    gname: '',
    major: 0,
    minor: 0,
    xattrs: undefined,
    mapMatches: true,
    gnu,
  }
  if (ustar || gnu) {
    draft.uname = readText(block, 265, 32)
    draft.gname = readText(block, 297, 32)
    draft.major = readNumber(block, 329, 8)
    draft.minor = readNumber(block, 337, 8)
    const prefix = ustar ? readPrefix(block, position) : readMistakenPrefix(block)
    if (prefix !== '') draft.path = `${prefix}/${draft.path}`
  }
  // A NaN in any of them makes the sum NaN.
  if (Number.isNaN(draft.mode + draft.uid + draft.gid + draft.size + draft.mtime + draft.major + draft.minor)) {
    throw damaged('TAR_NUMBER_INVALID', position, `a number in the header of "${draft.path}" is invalid`)
  }
  return draft
}

function readPrefix(block: Buffer, position: number): string {
  if (!hasText(block, 508, 'tar\0')) return block[345] === 0 ? '' : readText(block, 345, 155)
  // star has a shorter prefix, followed by two times.
  if (Number.isNaN(readNumber(block, 476, 12) + readNumber(block, 488, 12))) {
    throw damaged('TAR_NUMBER_INVALID', position, 'a time in the header is not a number')
  }
  return readText(block, 345, 131)
}

// Go before 1.8 wrote a prefix into GNU headers, where two times belong; Go still reads such archives.
function readMistakenPrefix(block: Buffer): string {
  if (block[345] === 0 && block[357] === 0) return ''
  const times =
    (block[345] === 0 ? 0 : readNumber(block, 345, 12)) + (block[357] === 0 ? 0 : readNumber(block, 357, 12))
  if (!Number.isNaN(times)) return ''
  const prefix = readText(block, 345, 155)
  return /^[\0-\x7f]*$/.test(prefix) ? prefix : ''
}
