import { decodeName, encodeName } from '../../support/index.ts'
import { FolderMemory } from './folder-memory.ts'
import { areRows } from './memory-rows.ts'

const magic = Buffer.from('tare context 3\n')

/**
 * Remembers the content digest of each file of a context by its stat, like git's index, so that an unchanged context is not read
 * again. Rows stay in the bytes they have on disk: there may be hundreds of thousands, and most are only compared.
 */
export class ContextMemory {
  private readonly load: () => Buffer | undefined
  private loaded: ReadonlyMap<string, Buffer> | undefined
  private readonly opened = new Map<string, FolderMemory>()

  /** `load` returns what `encode` returned last time; it is called when first needed. */
  constructor(load: () => Buffer | undefined) {
    this.load = load
  }

  /** Starts a pass over all files of a folder, at most `files`. `path` is relative to the context, '' for its root. */
  folder(path: string, files: number): FolderMemory {
    this.loaded ??= decode(this.load())
    const folder = new FolderMemory(this.loaded.get(path), files)
    this.opened.set(path, folder)
    return folder
  }

  /** Returns the bytes to save; undefined if nothing changed. */
  encode(): Buffer | undefined {
    if (![...this.opened.values()].some((folder) => folder.isNew())) return undefined
    const parts: Uint8Array[] = [magic]
    const add = (path: string, rows: Uint8Array) => {
      if (rows.length > 0) parts.push(headOf(path, rows.length), rows)
    }
    for (const [path, rows] of this.loaded ?? []) if (!this.opened.has(path)) add(path, rows)
    for (const [path, folder] of this.opened) add(path, folder.rows())
    return Buffer.concat(parts)
  }
}

/** The path of a folder, and the number of bytes of its rows. */
function headOf(path: string, size: number): Buffer {
  const name = encodeName(path)
  const head = Buffer.allocUnsafe(8 + name.length)
  head.writeUInt32LE(name.length, 0)
  head.writeUInt32LE(size, 4)
  name.copy(head, 8)
  return head
}

/** Returns the rows of each folder; none if the bytes have another format or are damaged. */
function decode(bytes: Buffer | undefined): ReadonlyMap<string, Buffer> {
  const folders = new Map<string, Buffer>()
  if (bytes === undefined || !bytes.subarray(0, magic.length).equals(magic)) return folders
  for (let at = magic.length; at < bytes.length; ) {
    if (at + 8 > bytes.length) return new Map()
    const path = at + 8
    const rows = path + bytes.readUInt32LE(at)
    const end = rows + bytes.readUInt32LE(at + 4)
    if (end > bytes.length || !areRows(bytes.subarray(rows, end))) return new Map()
    folders.set(decodeName(bytes.subarray(path, rows)), bytes.subarray(rows, end))
    at = end
  }
  return folders
}
