import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import type { LayerEntry } from '../../files/layer/index.ts'
import type { FlatFilesystem } from '../../inspection/index.ts'
import { messageOf, systemCode, systemPath, TareError, writeWhole } from '../../support/index.ts'
import type { NamedNodes } from './tar-of.ts'
import type { OpenedContents } from './types.ts'

export interface WriteFilesOptions {
  /** Whether to preserve owners and all permission bits. */
  readonly archive: boolean
  readonly signal?: AbortSignal | undefined
}

/** The result. */
export interface WrittenFiles {
  readonly size: number
  readonly files: number
  /** Paths of devices and pipes, which are not created. */
  readonly skipped: readonly string[]
}

/**
 * Writes files of an image to disk at the paths in `nodes`. Nothing is written through existing links: one at the path of a file
 * is replaced, one at the path of a directory is rejected; nor are devices and pipes replaced. Throws `DESTINATION_INVALID`.
 */
export async function writeFiles(
  image: OpenedContents,
  flat: FlatFilesystem,
  nodes: NamedNodes,
  options: WriteFilesOptions,
): Promise<WrittenFiles> {
  const writer = new FileWriter(image, flat, options)
  for (const [path, node] of nodes) {
    options.signal?.throwIfAborted()
    await writer.write(path, node)
  }
  writer.finish()
  return { size: writer.size, files: writer.files, skipped: writer.skipped }
}

type Node = NamedNodes extends Iterable<readonly [string, infer T]> ? T : never

class FileWriter {
  size = 0
  files = 0
  readonly skipped: string[] = []
  private readonly image: OpenedContents
  private readonly flat: FlatFilesystem
  private readonly options: WriteFilesOptions
  /** Where files with several names were written. */
  private readonly written = new Map<number, string>()
  /** Directories whose modes could prevent writing into them get those at the end. */
  private readonly directories: (readonly [path: string, entry: LayerEntry])[] = []

  constructor(image: OpenedContents, flat: FlatFilesystem, options: WriteFilesOptions) {
    this.image = image
    this.flat = flat
    this.options = options
  }

  async write(path: string, node: Node): Promise<void> {
    try {
      if (typeof node === 'object') this.makeDirectory(path, node.id)
      else await this.writeFile(path, node)
    } catch (error) {
      throw this.explain(path, error)
    }
  }

  finish(): void {
    for (const [path, entry] of this.directories.reverse()) {
      try {
        const at = systemPath(path)
        if (this.options.archive) lchownSync(at, entry.uid, entry.gid)
        chmodSync(at, this.modeOf(entry))
        utimesSync(at, entry.mtime, timeOf(entry))
      } catch (error) {
        throw this.explain(path, error)
      }
    }
  }

  private makeDirectory(path: string, id: number): void {
    const there = lstatSync(systemPath(path), { throwIfNoEntry: false })
    if (there?.isDirectory() === true) return
    if (there !== undefined)
      throw refused(
        path,
        there.isSymbolicLink() ? 'a symbolic link is there, which is not followed' : 'a file is there',
      )
    mkdirSync(systemPath(path), 0o700)
    if (id >= 0) this.directories.push([path, this.flat.entry(id)])
    else chmodSync(systemPath(path), 0o755)
  }

  private async writeFile(path: string, id: number): Promise<void> {
    const { layer, table, i } = this.flat.locate(id)
    const entry = table.entry(i)
    const at = systemPath(path)
    const { kind } = entry
    if (kind !== 'file' && kind !== 'symlink') {
      this.skipped.push(path)
      return
    }
    const there = lstatSync(at, { throwIfNoEntry: false })
    if (there?.isDirectory() === true) throw refused(path, 'a directory is there')
    if (there?.isFile() === false && !there.isSymbolicLink())
      throw refused(path, 'a device or a pipe is there', 'Name another destination; `tare image cat` writes to any.')
    const first = this.written.get(id)
    rmSync(at, { force: true })
    this.files += 1
    if (first !== undefined) {
      linkSync(systemPath(first), at)
      return
    }
    if (this.flat.linked.has(id)) this.written.set(id, path)
    if (kind === 'symlink') this.makeLink(at, entry)
    else await this.fill(at, layer, entry)
  }

  private makeLink(at: string | Buffer, entry: LayerEntry): void {
    symlinkSync(systemPath(entry.link ?? ''), at)
    if (this.options.archive) lchownSync(at, entry.uid, entry.gid)
    lutimesSync(at, entry.mtime, timeOf(entry))
  }

  private async fill(at: string | Buffer, layer: number, entry: LayerEntry): Promise<void> {
    // Fails if something exists, so that no link is followed that someone has just put there.
    const fd = openSync(at, 'wx', 0o600)
    try {
      for await (const chunk of this.image.readEntry(layer, entry)) {
        writeWhole(fd, chunk)
        this.size += chunk.length
      }
      if (this.options.archive) lchownSync(at, entry.uid, entry.gid)
      fchmodSync(fd, this.modeOf(entry))
      futimesSync(fd, entry.mtime, timeOf(entry))
    } catch (error) {
      rmSync(at, { force: true })
      throw error
    } finally {
      closeSync(fd)
    }
  }

  /** Setuid and the like would apply to the user running this rather than to the one in the image. */
  private modeOf({ mode }: LayerEntry): number {
    return this.options.archive ? mode : mode & 0o777
  }

  private explain(path: string, error: unknown): unknown {
    const code = systemCode(error)
    if (code === undefined) return error
    if (code === 'EPERM' && this.options.archive)
      return refused(path, 'only root can give files other owners', 'Drop --archive.', error)
    return refused(path, messageOf(error), undefined, error)
  }
}

export function refused(path: string, why: string, remedy?: string, cause?: unknown): TareError {
  return new TareError('DESTINATION_INVALID', `cannot write ${path}: ${why}`, {
    remedy: remedy ?? 'Name another destination, or remove what is there.',
    cause,
  })
}

/** Returns the time in seconds, for Node: a double is some 200 ns off, which must not lead into the next second. */
function timeOf({ mtime, mtimeNs }: LayerEntry): number {
  return mtime + Math.min(mtimeNs, 999_999_000) / 1e9
}
