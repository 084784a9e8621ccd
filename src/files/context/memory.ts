import { FolderMemory } from './folder-memory.ts'
import { type FolderRows, readSections } from './memory-rows.ts'

// Columns of numbers follow, which lie at multiples of eight.
const magic = Buffer.from('tare context 04\n')

/**
 * Remembers the content digest of each file of a context by its stat, like git's index, so that an unchanged context is not read
 * again. Rows stay in the bytes they have on disk: there may be hundreds of thousands, and most are only compared.
 */
export class ContextMemory {
  private readonly load: () => Buffer | undefined
  private loaded: ReadonlyMap<string, FolderRows> | undefined
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
    const add = (path: string, rows: FolderRows) => {
      if (rows.count > 0) parts.push(rows.encode(path))
    }
    for (const [path, rows] of this.loaded ?? []) if (!this.opened.has(path)) add(path, rows)
    for (const [path, folder] of this.opened) add(path, folder.rows())
    return Buffer.concat(parts)
  }
}

/** Returns the rows of each folder; none if the bytes have another format or are damaged. */
function decode(bytes: Buffer | undefined): ReadonlyMap<string, FolderRows> {
  if (bytes === undefined || !bytes.subarray(0, magic.length).equals(magic)) return new Map()
  return readSections(bytes.subarray(magic.length)) ?? new Map()
}
