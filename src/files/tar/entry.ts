import { damaged } from './damage.ts'
import type { FoundEntry } from './find-entry.ts'
import type { TarHeader, TarKind } from './types.ts'

const kinds: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  // Contiguous files, sparse files, and directories of incremental dumps, whose body lists names.
  '7': 'file',
  S: 'file',
  D: 'directory',
}

// Global records, which Docker ignores; volume labels and old long names; ACLs, inodes and extended headers of Solaris and star.
const ignored = 'gVNAEIX'

/**
 * Returns the header of an entry that was found; undefined if it is not a file. Refuses what Go's reader accepts but no
 * filesystem could store.
 */
export function headerOf({ draft, at }: FoundEntry): Writable<TarHeader> | undefined {
  const kind = kinds[String.fromCharCode(draft.type)]
  if (kind === undefined) {
    const type = String.fromCharCode(draft.type)
    if (ignored.includes(type)) return undefined
    const what = type === 'M' ? 'continues a file from another volume' : `has the unknown type ${JSON.stringify(type)}`
    throw damaged('TAR_TYPE_UNKNOWN', at, `the entry "${draft.path}" ${what}`)
  }
  const size = kind === 'file' ? draft.size : 0
  if (!Number.isSafeInteger(size)) throw damaged('TAR_SIZE_INVALID', at, `the size of "${draft.path}" is out of range`)
  if (!Number.isSafeInteger(draft.mtime)) {
    throw damaged('TAR_NUMBER_INVALID', at, `the time of "${draft.path}" is out of range`)
  }
  if (!draft.mapMatches) {
    throw damaged('TAR_SPARSE_INVALID', at, `the map of the sparse file "${draft.path}" does not account for its bytes`)
  }
  const header: Writable<TarHeader> = {
    path: draft.path,
    kind,
    // Some archives store the file type in the higher bits; the type flag already has it.
    mode: draft.mode & 0o7777,
    uid: ownerId(draft.uid, draft.path, at),
    gid: ownerId(draft.gid, draft.path, at),
    size,
    mtime: draft.mtime,
    mtimeNs: draft.mtimeNs,
  }
  if (kind === 'symlink' || kind === 'hardlink') header.link = draft.link
  if (draft.uname !== '') header.uname = draft.uname
  if (draft.gname !== '') header.gname = draft.gname
  if (kind === 'char' || kind === 'block') {
    header.deviceMajor = deviceNumber(draft.major, draft.path, at)
    header.deviceMinor = deviceNumber(draft.minor, draft.path, at)
  }
  if (draft.xattrs !== undefined) header.xattrs = draft.xattrs
  return header
}

export type Writable<T> = { -readonly [key in keyof T]: T[key] }

/** Old systems wrote "nobody" as -2, which is 4294967294, as in the kernel; -1 and values beyond 32 bits are invalid. */
function ownerId(id: number, path: string, at: number): number {
  const unsigned = id < -1 ? id + 2 ** 32 : id
  if (unsigned >= 0 && unsigned < 2 ** 32) return unsigned
  throw damaged('TAR_NUMBER_INVALID', at, `the owner of "${path}" is ${id}, which is not a user or group ID`)
}

function deviceNumber(number: number, path: string, at: number): number {
  if (number >= 0 && number < 2 ** 32) return number
  throw damaged('TAR_NUMBER_INVALID', at, `a device number of "${path}" is ${number}`)
}
