import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeName, systemCode, systemPath, TareError } from '../../support/index.ts'
import { type Directory, type Metadata, type Node, partsOf, type RegularFile, Tree } from '../tree/index.ts'
import { type BuildContext, type Ignore, textLimit } from './context.ts'
import { FileContent, type Folder } from './file-content.ts'
import { ContextMemory } from './memory.ts'

export interface DirectoryOptions {
  /** For messages: the path as the user wrote it. */
  readonly name: string
  readonly ignore?: Ignore | undefined
  readonly memory?: ContextMemory | undefined
  /** Called once, on close, with the memory to save. */
  readonly keepMemory?: ((bytes: Buffer) => void) | undefined
}

/**
 * Opens a local directory as a context. Owners become root, as in docker; modes and times are kept. Throws `CONTEXT_MISSING` if
 * it is not a directory, `CONTEXT_UNREADABLE` if that cannot be determined.
 */
export function openDirectory(path: string, options: DirectoryOptions): BuildContext {
  const stat = statOf(path, options.name)
  if (stat === undefined || !stat.isDirectory()) {
    throw new TareError(
      'CONTEXT_MISSING',
      stat === undefined
        ? `the build context ${options.name} does not exist`
        : `the build context ${options.name} is not a folder`,
      {
        remedy: 'Name a folder, or "-" to read a tar archive from standard input.',
      },
    )
  }
  return new FolderContext(path, options)
}

/** Returns undefined if the path does not exist, or leads through a file. */
function statOf(path: string, name: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined
    throw unreadable(error, `the build context ${name}`)
  }
}

class FolderContext implements BuildContext {
  readonly name: string
  readonly tree: Tree
  private readonly path: string
  private readonly options: DirectoryOptions
  private readonly memory: ContextMemory
  private readonly linked = new Map<string, Node>()

  constructor(path: string, options: DirectoryOptions) {
    this.path = path
    this.name = options.name
    this.options = options
    this.memory = options.memory ?? new ContextMemory(() => undefined)
    // The root's own metadata is never copied, and its time is that of the copy.
    const root: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: Number.NaN, mtimeNs: 0 }
    this.tree = new Tree(new FolderNode(root, () => this.read('')))
  }

  readText(path: string): string | undefined {
    const real = join(this.path, ...partsOf(path))
    try {
      const stat = statSync(real, { throwIfNoEntry: false })
      if (stat === undefined) return undefined
      if (stat.isDirectory()) throw new TareError('CONTEXT_UNREADABLE', `${path} is a folder, not a file`)
      if (stat.size > textLimit)
        throw new TareError('CONTEXT_UNREADABLE', `${path} is too large for a text file (${stat.size} bytes)`)
      return decodeName(readFileSync(real))
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
      throw unreadable(error, path)
    }
  }

  ignoredBy(path: string): { file: string; line: number; pattern: string } | undefined {
    const { ignore } = this.options
    const clean = partsOf(path).join('/')
    const rule = ignore?.why(clean)
    return rule === undefined || !this.exists(clean)
      ? undefined
      : { file: ignore!.file, line: rule.line, pattern: rule.pattern }
  }

  private exists(path: string): boolean {
    try {
      return lstatSync(systemPath(join(this.path, path)), { throwIfNoEntry: false }) !== undefined
    } catch {
      // Part of the path is a file, or is not accessible.
      return false
    }
  }

  close(): void {
    const { keepMemory } = this.options
    const bytes = keepMemory && this.memory.encode()
    if (bytes !== undefined) keepMemory?.(bytes)
  }

  private read(path: string): Map<string, Node> {
    const children = new Map<string, Node>()
    const real = path === '' ? this.path : join(this.path, path)
    const names = this.list(real, path)
    const folder = { path, real, memory: this.memory.folder(path, names.length) }
    for (const name of names) {
      const node = this.look(folder, name)
      if (node !== undefined) children.set(name, node)
    }
    return children
  }

  private list(real: string, folder: string): string[] {
    try {
      const names = readdirSync(systemPath(real))
      // A name that is not UTF-8 contains U+FFFD; the directory is then read again as bytes.
      return names.some((name) => name.includes('\ufffd'))
        ? readdirSync(systemPath(real), { encoding: 'buffer' }).map(decodeName)
        : names
    } catch (error) {
      throw unreadable(error, folder === '' ? this.name : folder)
    }
  }

  private look(folder: Folder, name: string): Node | undefined {
    try {
      return this.nodeOf(folder, name)
    } catch (error) {
      throw unreadable(error, folder.path === '' ? name : `${folder.path}/${name}`)
    }
  }

  private nodeOf(folder: Folder, name: string): Node | undefined {
    const path = folder.path === '' ? name : `${folder.path}/${name}`
    const { ignore } = this.options
    const ignored = ignore?.ignored(path) === true
    if (ignored && !ignore!.mayReinclude(path)) return undefined
    const real = `${folder.real}/${name}`
    const at = Date.now()
    const stat = lstatSync(systemPath(real), { throwIfNoEntry: false })
    // The file has disappeared, as if we had looked later.
    if (stat === undefined) return undefined
    if (stat.isDirectory()) {
      const node = new FolderNode(metadataOf(stat), () => this.read(path))
      return ignored && node.children.size === 0 ? undefined : node
    }
    return ignored ? undefined : this.leaf(stat, folder, name, real, at)
  }

  private leaf(stat: Stats, folder: Folder, name: string, real: string, at: number): Node {
    const identity = stat.nlink > 1 ? `${stat.dev}:${stat.ino}` : undefined
    const twin = identity === undefined ? undefined : this.linked.get(identity)
    if (twin !== undefined) return twin
    const node = stat.isFile() && stat.size > 0 ? fileNode(stat, folder, name, at) : specialNode(stat, real)
    if (identity !== undefined) this.linked.set(identity, node)
    return node
  }
}

function fileNode(stat: Stats, folder: Folder, name: string, at: number): RegularFile {
  const { mode, uid, gid, mtime, mtimeNs } = metadataOf(stat)
  const content = new FileContent(folder, name, folder.memory.see(name, stat, at))
  return { kind: 'file', mode, uid, gid, mtime, mtimeNs, size: compact(stat.size), content }
}

function specialNode(stat: Stats, real: string): Node {
  const metadata = metadataOf(stat)
  if (stat.isSymbolicLink()) {
    return {
      kind: 'symlink',
      ...metadata,
      mode: 0o777,
      target: decodeName(readlinkSync(systemPath(real), { encoding: 'buffer' })),
    }
  }
  if (stat.isFIFO()) return { kind: 'fifo', ...metadata }
  if (stat.isCharacterDevice() || stat.isBlockDevice())
    return { kind: stat.isBlockDevice() ? 'block' : 'char', ...metadata, ...deviceOf(stat.rdev) }
  // A socket has no content: docker makes it an empty file.
  return { kind: 'file', ...metadata, size: 0, content: { kind: 'inline', bytes: new Uint8Array(0) } }
}

/** A directory that is read when its children are first needed. */
class FolderNode implements Directory {
  readonly kind = 'directory'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly mtimeNs: number
  private readonly load: () => Map<string, Node>
  private loaded: Map<string, Node> | undefined

  constructor(metadata: Metadata, load: () => Map<string, Node>) {
    this.mode = metadata.mode
    this.uid = metadata.uid
    this.gid = metadata.gid
    this.mtime = metadata.mtime
    this.mtimeNs = metadata.mtimeNs
    this.load = load
  }

  get children(): Map<string, Node> {
    this.loaded ??= this.load()
    return this.loaded
  }
}

function metadataOf(stat: Stats): Metadata {
  const mtime = Math.floor(stat.mtimeMs / 1000)
  return {
    // Windows has no permission bits; docker's client sends this there.
    mode: process.platform === 'win32' ? 0o755 : stat.mode & 0o7777,
    uid: 0,
    gid: 0,
    mtime: compact(mtime),
    mtimeNs: compact(Math.max(0, Math.min(999_999_999, Math.round((stat.mtimeMs - mtime * 1000) * 1e6)))),
  }
}

/** The same number. What a stat says are doubles, each of which would take 16 bytes more than a small integer. */
function compact(number: number): number {
  const integer = number | 0
  return integer === number ? integer : number
}

/** (Linux, makedev(3)) */
function deviceOf(rdev: number): { major: number; minor: number } {
  const device = BigInt(rdev)
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  }
}

function unreadable(error: unknown, path: string): unknown {
  if (error instanceof TareError) return error
  const denied = systemCode(error) === 'EACCES' || systemCode(error) === 'EPERM'
  return new TareError(
    'CONTEXT_UNREADABLE',
    `cannot read ${path}: ${denied ? 'permission denied' : (error as Error).message}`,
    {
      cause: error,
      remedy: denied ? 'Change its permissions, or exclude it with .dockerignore.' : undefined,
    },
  )
}
