import { readlinkSync } from 'node:fs'
import { decodeName } from '../../support/index.ts'
import type { Directory, DirectoryPlace, Metadata, Node, Outline } from '../tree/index.ts'
import { DiskNode, EmptyNode, FileNode, LinkNode } from './disk-nodes.ts'
import { FileContent, type Folder, systemPathIn } from './file-content.ts'
import type { Sight } from './memory-rows.ts'
import { unreadable } from './unreadable.ts'

/** A directory that is read when its children are first needed. */
export class FolderNode extends DiskNode implements Directory {
  readonly kind = 'directory'
  private readonly load: () => FolderReading
  private loaded: FolderReading | undefined

  constructor(metadata: Metadata, load: () => FolderReading) {
    super(metadata)
    this.load = load
  }

  get outline(): Outline {
    return this.reading
  }

  get children(): ReadonlyMap<string, Node> {
    return this.reading.children
  }

  protected get real(): string {
    return this.reading.folder.real
  }

  private get reading(): FolderReading {
    this.loaded ??= this.load()
    return this.loaded
  }
}

/**
 * What a folder has. As long as each of its files is as an earlier build has seen it, there are no nodes for them: most folders
 * are only asked whether anything in them has changed.
 */
export class FolderReading implements Outline {
  readonly folder: Folder
  readonly directories = new Map<string, FolderNode>()
  /** Undefined while all files are as before. */
  private leaves: Map<string, Node> | undefined
  private whole: ReadonlyMap<string, Node> | undefined

  constructor(folder: Folder) {
    this.folder = folder
    if (!folder.memory.mayBeListed()) this.leaves = new Map()
  }

  get listing(): string | undefined {
    return this.folder.memory.listing
  }

  set listing(listing: string | undefined) {
    if (listing !== undefined) this.folder.memory.learnListing(listing)
  }

  get times(): string | undefined {
    return this.folder.memory.times
  }

  get place(): DirectoryPlace {
    return this.folder.place
  }

  get hasNodes(): boolean {
    return this.leaves !== undefined || this.whole !== undefined
  }

  /** Whether file `number`, the last one that was seen, needs no node yet. */
  isAsBefore(number: number): boolean {
    if (this.leaves !== undefined) return false
    if (this.folder.memory.isAsBefore()) return true
    this.leaves = this.rememberedLeaves(number < 0 ? this.folder.memory.files : number)
    return false
  }

  put(name: string, node: Node): void {
    this.leaves?.set(name, node)
  }

  get children(): ReadonlyMap<string, Node> {
    if (this.whole === undefined) {
      const leaves = this.leaves ?? this.rememberedLeaves(this.folder.memory.files)
      this.whole = this.directories.size === 0 ? leaves : new Map<string, Node>([...this.directories, ...leaves])
    }
    return this.whole
  }

  /** Makes nodes of what is remembered of the first `count` files. */
  private rememberedLeaves(count: number): Map<string, Node> {
    const leaves = new Map<string, Node>()
    for (let number = 0; number < count; number++) {
      const { name, sight } = this.folder.memory.remembered(number)
      leaves.set(name, fileNode(this.folder, name, sight, number))
    }
    return leaves
  }
}

/** Makes the node of a file or symlink. */
export function fileNode(folder: Folder, name: string, sight: Sight, number: number): Node {
  const metadata = metadataOf(sight)
  if ((sight.mode & 0o170000) === 0o120000) return new LinkNode(metadata, targetOf(folder, name), folder, name)
  const size = compact(sight.size)
  if (size === 0) return new EmptyNode(metadata, folder, name)
  return new FileNode(metadata, size, new FileContent(folder, name, number))
}

function targetOf(folder: Folder, name: string): string {
  try {
    return decodeName(readlinkSync(systemPathIn(folder, name), { encoding: 'buffer' }))
  } catch (error) {
    throw unreadable(error, folder.path === '' ? name : `${folder.path}/${name}`)
  }
}

export function metadataOf({ mode, mtimeMs }: Pick<Sight, 'mode' | 'mtimeMs'>): Metadata {
  const mtime = Math.floor(mtimeMs / 1000)
  return {
    // Windows has no permission bits; docker's client sends this there.
    mode: process.platform === 'win32' ? 0o755 : mode & 0o7777,
    uid: 0,
    gid: 0,
    mtime: compact(mtime),
    mtimeNs: compact(Math.max(0, Math.min(999_999_999, Math.round((mtimeMs - mtime * 1000) * 1e6)))),
  }
}

/** The same number. What a stat says are doubles, each of which would take 16 bytes more than a small integer. */
function compact(number: number): number {
  const integer = number | 0
  return integer === number ? integer : number
}
