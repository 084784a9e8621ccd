import { deepestPath, longestPath, pathInside, TareError } from '../../support/index.ts'
import { type Archive, type StoredEntry, type StoredRun, scanTar } from '../tar/index.ts'
import { type Content, type Metadata, type Node, nameOfKind, type TreeDraft } from '../tree/index.ts'

export interface UnpackOptions {
  /** The time of directories that the archive does not contain, and of those that get new entries. */
  readonly now: { readonly mtime: number; readonly mtimeNs: number }
  /** The owner of every entry, instead of the archive's. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** Returns the content stored in these runs of the archive. */
  readonly contentAt: (runs: readonly StoredRun[], size: number) => Content
  readonly signal?: AbortSignal | undefined
}

// How much the holes of sparse files may add. Larger archives may have more, as for compression.
const holesAllowed = 1024 ** 3
const holesRatio = 200

/**
 * Unpacks an archive below the directory `root` of the draft, with Docker's rules: later entries replace earlier ones, a
 * directory merges with an existing one, names and links stay below `root`. Throws `ARCHIVE_PATH_ESCAPES`, `ARCHIVE_INVALID`, and
 * `ARCHIVE_BOMB` for sparse files that expand too much.
 */
export function unpackInto(draft: TreeDraft, root: readonly string[], archive: Archive, options: UnpackOptions): void {
  const unpacker = new Unpacker(draft, root, options)
  let size = 0
  for (const entry of scanTar(archive)) {
    size += entry.size
    if (size > Math.max(holesAllowed, archive.size * holesRatio)) throw bomb(archive.size, size)
    unpacker.add(entry)
  }
  unpacker.settle()
}

class Unpacker {
  private readonly draft: TreeDraft
  private readonly root: readonly string[]
  private readonly options: UnpackOptions
  // The paths of files that the archive hard-links.
  private readonly namesOf = new Map<Node, (readonly string[])[]>()
  private readonly directoryTimes: { readonly path: string; readonly entry: StoredEntry }[] = []

  constructor(draft: TreeDraft, root: readonly string[], options: UnpackOptions) {
    this.draft = draft
    this.root = root
    this.options = options
  }

  add(entry: StoredEntry): void {
    this.options.signal?.throwIfAborted()
    const path = stayInside(entry.path, `entry ${JSON.stringify(entry.path)}`)
    // The archive's root is the target directory itself, which keeps its metadata.
    if (path === '') return
    const slash = path.lastIndexOf('/')
    const parent = this.inside(slash < 0 ? '' : path.slice(0, slash))
    this.makeParents(parent, path)
    const parts = [...parent, path.slice(slash + 1)]
    if (entry.kind === 'directory') {
      this.directory(parts, entry)
      this.directoryTimes.push({ path, entry })
    } else {
      this.draft.put(parts, entry.kind === 'hardlink' ? this.linked(entry, parts) : this.node(entry), this.options.now)
    }
  }

  /** Sets directory times last: adding entries changes them. */
  settle(): void {
    for (const { path, entry } of this.directoryTimes) {
      const parts = this.inside(path)
      if (this.draft.get(parts)?.kind === 'directory') this.draft.change(parts, timeOf(entry))
    }
  }

  /** Follows symlinks as a process would after chroot into the target directory. */
  private inside(path: string): string[] {
    const root = this.draft.get(this.root)
    if (root?.kind !== 'directory') throw new Error('the destination is not a directory')
    const parts = [...this.root, ...this.draft.resolveBelow(root, path)]
    if (parts.length > deepestPath) throw tooLong(path)
    return parts
  }

  private makeParents(parent: readonly string[], path: string): void {
    try {
      this.draft.makeDirectories(parent, { mode: 0o755, uid: 0, gid: 0, ...this.options.now })
    } catch (cause) {
      throw new TareError(
        'ARCHIVE_INVALID',
        `the archive has ${JSON.stringify(path)}, but a part of that path is not a directory`,
        { cause },
      )
    }
  }

  private directory(parts: readonly string[], entry: StoredEntry): void {
    const metadata = this.metadata(entry)
    if (this.draft.get(parts)?.kind === 'directory') this.draft.change(parts, metadata)
    else this.draft.makeDirectory(parts, metadata, this.options.now)
  }

  /** Returns the target of a hard link, which gets the entry's owner, mode and time under all its names from the archive. */
  private linked(entry: StoredEntry, parts: readonly string[]): Node {
    const path = stayInside(entry.link ?? '', `the hard link ${JSON.stringify(entry.path)}`)
    const slash = path.lastIndexOf('/')
    const there = [...this.inside(slash < 0 ? '' : path.slice(0, slash)), path.slice(slash + 1)]
    const target = this.draft.get(there)
    if (target === undefined || target.kind === 'directory') {
      const what = target === undefined ? 'which is not there' : `which is a ${nameOfKind(target)}`
      throw new TareError(
        'ARCHIVE_INVALID',
        `the archive has a hard link ${JSON.stringify(entry.path)} to ${JSON.stringify(entry.link)}, ${what}`,
      )
    }
    const { mode, uid, gid, mtime, mtimeNs } = this.metadata(entry)
    const names = this.namesOf.get(target) ?? [there]
    names.push(parts)
    const asSaid = target.kind === 'symlink' ? { uid, gid } : { mode, uid, gid, mtime, mtimeNs }
    const node: Node = says(target, asSaid) ? target : { ...target, ...asSaid }
    if (node !== target) for (const name of names) if (this.draft.get(name) === target) this.draft.put(name, node)
    this.namesOf.set(node, names)
    return node
  }

  private node(entry: StoredEntry): Node {
    const metadata = this.metadata(entry)
    if ((entry.link ?? '').length > longestPath) throw tooLong(entry.path)
    if (entry.kind === 'symlink') return { kind: 'symlink', ...metadata, mode: 0o777, target: entry.link ?? '' }
    if (entry.kind === 'fifo') return { kind: 'fifo', ...metadata }
    if (entry.kind === 'char' || entry.kind === 'block')
      return { kind: entry.kind, ...metadata, major: entry.deviceMajor ?? 0, minor: entry.deviceMinor ?? 0 }
    const content: Content =
      entry.size === 0 ? { kind: 'inline', bytes: new Uint8Array(0) } : this.options.contentAt(entry.runs, entry.size)
    return { kind: 'file', ...metadata, size: entry.size, content }
  }

  private metadata(entry: StoredEntry): Metadata {
    const { mode, xattrs } = entry
    const { uid, gid } = this.options.owner ?? entry
    return { mode, uid, gid, ...timeOf(entry), ...(xattrs === undefined ? {} : { xattrs }) }
  }
}

function bomb(stored: number, size: number): TareError {
  return new TareError(
    'ARCHIVE_BOMB',
    `the sparse files of an archive of ${stored} bytes unpack to ${size} bytes or more`,
    {
      remedy: 'Layers store holes as zeros. Remove such files from the archive.',
    },
  )
}

// The limit of 64-bit nanoseconds, in 2262.
const latestTime = 9_223_372_036

/** Returns the entry's time, or the epoch if it is earlier than that or later than Docker can represent. */
function timeOf({ mtime, mtimeNs }: StoredEntry): { readonly mtime: number; readonly mtimeNs: number } {
  return mtime < 0 || mtime > latestTime ? { mtime: 0, mtimeNs: 0 } : { mtime, mtimeNs }
}

function says(node: Node, metadata: Partial<Metadata>): boolean {
  return (Object.keys(metadata) as (keyof Metadata)[]).every((key) => node[key] === metadata[key])
}

/** Returns the normalized relative path. Throws `ARCHIVE_PATH_ESCAPES` if `..` leads out. */
function stayInside(path: string, what: string): string {
  if (path.length > longestPath) throw tooLong(path)
  const clean = pathInside(path)
  if (clean !== undefined) return clean
  const message = `${what} of the archive is outside the directory it is unpacked to: ${JSON.stringify(path)}`
  throw new TareError('ARCHIVE_PATH_ESCAPES', message, {
    remedy: 'Such an archive may be an attack. Nothing was kept.',
  })
}

function tooLong(path: string): TareError {
  return new TareError(
    'ARCHIVE_INVALID',
    `the archive has a path too long for Linux: ${JSON.stringify(`${path.slice(0, 40)}…`)}`,
    { remedy: 'Such an archive may be an attack. Nothing was kept.' },
  )
}
