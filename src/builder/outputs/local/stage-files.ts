import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import type { LayerEntry, LayerTable } from '../../../files/layer/index.ts'
import type { FlatDirectory } from '../../../inspection/index.ts'
import { type Pace, systemPath, writeWhole } from '../../../support/index.ts'
import type { FileSet } from '../file-sets.ts'
import type { ImageFiles } from '../image-files.ts'
import { StagedDirectory } from './staged-tree.ts'

/** Writes files of images to a new folder that only its owner can enter, with their modes and times, owned by the caller. */
export class FileStager {
  readonly tree = new StagedDirectory()
  /** Paths of devices and pipes, which only root could make. */
  readonly skipped: string[] = []
  private readonly folder: string
  private readonly pace: Pace
  private turns = 0

  constructor(folder: string, pace: Pace) {
    this.folder = folder
    this.pace = pace
  }

  async add({ prefix, epoch, statements }: FileSet, files: ImageFiles): Promise<void> {
    const name = prefix.slice(0, -1)
    const into = name === '' ? this.tree : this.makeDirectory(this.tree, name, name)
    if (name !== '') into.mtime = epoch
    const writer = new Writer(this, files, epoch)
    await writer.fill(files.flat.root, into, prefix)
    for (const { path, bytes } of statements) {
      into.file(path.slice(prefix.length), path)
      this.writeFile(path, bytes, epoch)
    }
  }

  private writeFile(path: string, bytes: Uint8Array, epoch: number | undefined): void {
    const fd = openSync(this.at(path), 'wx', 0o644)
    try {
      writeWhole(fd, bytes)
      fchmodSync(fd, 0o644)
      if (epoch !== undefined) futimesSync(fd, epoch, epoch)
    } finally {
      closeSync(fd)
    }
  }

  /** Gives the directories their times; those that are to be renamed stay writable until then. */
  finish(directory: StagedDirectory = this.tree, path = ''): void {
    for (const [name, child] of directory.children) if (child !== undefined) this.finish(child, join(path, name))
    if (path === '') return
    chmodSync(this.at(path), directory.mode | 0o700)
    if (directory.mtime !== undefined) utimesSync(this.at(path), directory.mtime, directory.mtime)
  }

  at(path: string): string | Buffer {
    return systemPath(`${this.folder}/${path}`)
  }

  /** Yields to others now and then; undefined most of the time. */
  keep(): Promise<void> | undefined {
    this.turns += 1
    return this.turns % 32 === 0 ? this.pace.keep() : undefined
  }

  makeDirectory(parent: StagedDirectory, name: string, path: string): StagedDirectory {
    const isThere = parent.children.get(name) !== undefined
    const directory = parent.directory(name, path)
    if (!isThere) mkdirSync(this.at(path), 0o700)
    return directory
  }
}

const creating = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL

class Writer {
  private readonly umask = process.umask()
  private readonly stager: FileStager
  private readonly files: ImageFiles
  private readonly epoch: number | undefined
  /** Where files with several names were written. */
  private readonly written = new Map<number, string>()

  constructor(stager: FileStager, files: ImageFiles, epoch: number | undefined) {
    this.stager = stager
    this.files = files
    this.epoch = epoch
  }

  async fill(directory: FlatDirectory, into: StagedDirectory, prefix: string): Promise<void> {
    const { flat } = this.files
    for (const [name, node] of directory.children) {
      const turn = this.stager.keep()
      if (turn !== undefined) await turn
      const path = prefix + name
      if (typeof node === 'object') {
        const made = this.stager.makeDirectory(into, name, path)
        const entry = node.id < 0 ? undefined : flat.entry(node.id)
        made.mode = entry?.mode ?? 0o755
        made.mtime = entry === undefined ? this.epoch : this.timeOf(entry)
        await this.fill(node, made, `${path}/`)
      } else this.write(node, into, name, path)
    }
  }

  private write(id: number, into: StagedDirectory, name: string, path: string): void {
    const { flat } = this.files
    const { layer, table, i } = flat.locate(id)
    const kind = table.kind(i)
    if (kind !== 'file' && kind !== 'symlink') {
      this.stager.skipped.push(path)
      return
    }
    into.file(name, path)
    const at = this.stager.at(path)
    const first = this.written.get(id)
    if (first !== undefined) {
      linkSync(this.stager.at(first), at)
      return
    }
    if (flat.linked.has(id)) this.written.set(id, path)
    const mtime = this.epoch ?? table.columns.mtime[i]!
    if (kind === 'file') this.copy(at, layer, table, i, mtime)
    else {
      symlinkSync(systemPath(table.link(i) ?? ''), at)
      lutimesSync(at, mtime, mtime)
    }
  }

  private copy(at: string | Buffer, layer: number, table: LayerTable, i: number, mtime: number): void {
    const mode = table.columns.mode[i]!
    // Only the caller can enter the folder.
    const isWhole = (mode & ~(0o777 & ~this.umask)) === 0
    const fd = openSync(at, creating, isWhole ? mode : 0o600)
    try {
      this.files.copyTo(fd, layer, table, i)
      // After the bytes, which would take setuid away.
      if (!isWhole) fchmodSync(fd, mode)
      futimesSync(fd, mtime, mtime)
    } finally {
      closeSync(fd)
    }
  }

  /** Layers have whole seconds. */
  private timeOf({ mtime }: LayerEntry): number {
    return this.epoch ?? mtime
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`
}
