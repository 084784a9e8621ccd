import { lstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeName, systemCode, systemPath, TareError, ticks } from '../../support/index.ts'
import { type Metadata, type Moment, type Node, partsOf, Tree } from '../tree/index.ts'
import { type BuildContext, type Ignore, textLimit } from './context.ts'
import { systemPathIn } from './file-content.ts'
import { FolderNode, FolderReading, fileNode, metadataOf } from './folder-node.ts'
import { FolderPlace } from './folder-place.ts'
import { ContextMemory } from './memory.ts'
import { mayBeRounded, roundDown } from './rounded-times.ts'
import { unreadable } from './unreadable.ts'

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
    this.tree = new Tree(new FolderNode(root, () => this.read('', this.rootPlace())))
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

  private rootPlace(): FolderPlace {
    try {
      const at = thisMoment()
      return new FolderPlace(this.path, statSync(this.path), at)
    } catch (error) {
      throw unreadable(error, this.name)
    }
  }

  private read(path: string, place: FolderPlace): FolderReading {
    const real = place.path
    const began = thisMoment()
    const { names, isPlain } = this.list(real, path)
    const memory = this.memory.folder(path, names.length)
    place.reads(memory)
    const folder = { path, real, memory, place, isPlain, began }
    const reading = new FolderReading(folder)
    for (const name of names) this.look(reading, name)
    return reading
  }

  private list(real: string, folder: string): { readonly names: readonly string[]; readonly isPlain: boolean } {
    const path = systemPath(real)
    try {
      const names = readdirSync(path)
      // A name that is not UTF-8 contains U+FFFD; the directory is then read again as bytes.
      return names.some((name) => name.includes('\ufffd'))
        ? { names: readdirSync(path, { encoding: 'buffer' }).map(decodeName), isPlain: false }
        : { names, isPlain: path === real }
    } catch (error) {
      throw unreadable(error, folder === '' ? this.name : folder)
    }
  }

  private look(reading: FolderReading, name: string): void {
    try {
      this.add(reading, name)
    } catch (error) {
      const { path } = reading.folder
      throw unreadable(error, path === '' ? name : `${path}/${name}`)
    }
  }

  private add(reading: FolderReading, name: string): void {
    const { folder } = reading
    const path = folder.path === '' ? name : `${folder.path}/${name}`
    const { ignore } = this.options
    const ignored = ignore?.ignored(path) === true
    if (ignored) folder.place.leaveOut()
    if (ignored && !ignore!.mayReinclude(path)) return
    const at = Date.now()
    const onDisk = systemPathIn(folder, name)
    const stat = lstatSync(onDisk, mayBeGone)
    // The file has disappeared, as if we had looked later.
    if (stat === undefined) return
    if (mayBeRounded(stat) && !folder.memory.isAsSeen(name, stat)) roundDown(stat, onDisk)
    folder.place.see(stat)
    if (stat.isDirectory()) {
      const place = new FolderPlace(`${folder.real}/${name}`, stat, folder.began)
      const node = new FolderNode(metadataOf(stat), () => this.read(path, place))
      if (!ignored || node.children.size > 0) reading.directories.set(name, node)
    } else if (!ignored) this.addLeaf(reading, name, stat, at)
  }

  private addLeaf(reading: FolderReading, name: string, stat: Stats, at: number): void {
    const { folder } = reading
    const { memory } = folder
    const isSeen = stat.isFile() || stat.isSymbolicLink()
    const number = isSeen ? memory.see(name, stat, at) : -1
    if (!isSeen || stat.nlink > 1) memory.seeOther()
    if (reading.isAsBefore(number)) return
    const identity = stat.nlink > 1 ? `${stat.dev}:${stat.ino}` : undefined
    const twin = identity === undefined ? undefined : this.linked.get(identity)
    const node = twin ?? (isSeen ? fileNode(folder, name, stat, number) : specialNode(stat))
    reading.put(name, node)
    if (identity !== undefined) this.linked.set(identity, node)
  }
}

function thisMoment(): Moment {
  // In this order, a pause between the two looks as if the time of day had been set back.
  const running = ticks()
  return { running, time: Date.now() }
}

const mayBeGone = { throwIfNoEntry: false } as const

function specialNode(stat: Stats): Node {
  const metadata = metadataOf(stat)
  if (stat.isFIFO()) return { kind: 'fifo', ...metadata }
  if (stat.isCharacterDevice() || stat.isBlockDevice())
    return { kind: stat.isBlockDevice() ? 'block' : 'char', ...metadata, ...deviceOf(stat.rdev) }
  // A socket has no content: docker makes it an empty file.
  return { kind: 'file', ...metadata, size: 0, content: { kind: 'inline', bytes: new Uint8Array(0) } }
}

/** (Linux, makedev(3)) */
function deviceOf(rdev: number): { major: number; minor: number } {
  const device = BigInt(rdev)
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  }
}
