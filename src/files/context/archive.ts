import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { type Bytes, TareError } from '../../support/index.ts'
import { decompress } from '../compression/index.ts'
import { readWhole } from '../layer/index.ts'
import { type Archive, looksLikeTar } from '../tar/index.ts'
import { partsOf, Tree } from '../tree/index.ts'
import { type Context, type Ignore, textLimit } from './context.ts'
import { spool } from './spool.ts'
import { unpackInto } from './unpack.ts'

export interface ArchiveOptions {
  readonly name: string
  /** Makes the path of a file that does not exist yet, for the archive to lie in while the context is open. */
  readonly scratch: () => string
  /** Bytes that the archive may unpack to. */
  readonly unpackLimit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A stream that turned out to be a text: the Dockerfile itself. */
export interface TextAlone {
  readonly text: string
}

/** An archive whose files can be looked at before it is known what to ignore. */
export interface OpenedArchive {
  readonly tree: Tree
  withIgnore(ignore: Ignore | undefined): Context
}

/**
 * Reads a tar archive, compressed or not, as a context; what is none is taken for a Dockerfile, as docker does with `-`.
 * Throws `ARCHIVE_CORRUPT` and its kind for a damaged one.
 */
export async function openStream(bytes: Bytes, options: ArchiveOptions): Promise<OpenedArchive | TextAlone> {
  const path = options.scratch()
  try {
    const { bytes: plain } = await decompress(bytes, options.unpackLimit)
    await spool(path, plain, options.signal)
    const fd = openSync(path, 'r')
    try {
      const size = fstatSync(fd).size
      const head = Buffer.alloc(Math.min(512, size))
      readSync(fd, head, 0, head.length, 0)
      if (!looksLikeTar(head)) {
        const text = textOf(fd, size)
        rmSync(path, { force: true })
        return { text }
      }
      const archive: Archive = { size, read: (into, position) => readSync(fd, into, 0, into.length, position) }
      return new TarContext(path, treeOf(archive, path), options)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
}

function textOf(fd: number, size: number): string {
  if (size > textLimit) {
    throw new TareError(
      'CONTEXT_INVALID',
      `what came on standard input is neither a tar archive nor a Dockerfile: it is ${size} bytes of something else`,
    )
  }
  const buffer = Buffer.alloc(size)
  readSync(fd, buffer, 0, size, 0)
  return buffer.toString('utf8')
}

function treeOf(archive: Archive, path: string): Tree {
  const draft = Tree.empty.edit()
  const now = { mtime: Math.floor(Date.now() / 1000), mtimeNs: 0 }
  unpackInto(draft, [], archive, {
    now,
    contentAt: (runs, size) =>
      runs.length === 1 && runs[0]!.length === size
        ? { kind: 'extent', path, offset: runs[0]!.at }
        : { kind: 'sparse', path, runs },
  })
  const root = draft.done()
  return new Tree({ ...root, kind: 'directory', mtime: Number.NaN })
}

class TarContext implements OpenedArchive, Context {
  readonly name: string
  readonly tree: Tree
  private readonly path: string
  private readonly all: Tree
  private readonly options: ArchiveOptions
  private readonly ignore: Ignore | undefined

  constructor(path: string, all: Tree, options: ArchiveOptions, ignore?: Ignore) {
    this.path = path
    this.name = options.name
    this.all = all
    this.options = options
    this.ignore = ignore
    this.tree = ignore === undefined ? all : withoutIgnored(all, ignore)
  }

  withIgnore(ignore: Ignore | undefined): Context {
    return new TarContext(this.path, this.all, this.options, ignore)
  }

  readText(path: string): string | undefined {
    const node = this.all.find(path)
    if (node === undefined) return undefined
    if (node.kind !== 'file') throw new TareError('CONTEXT_UNREADABLE', `${path} is not a file`)
    if (node.size > textLimit)
      throw new TareError('CONTEXT_UNREADABLE', `${path} is ${node.size} bytes, too many for a text`)
    return readWhole(node, textLimit).toString('utf8')
  }

  ignoredBy(path: string): { file: string; line: number; pattern: string } | undefined {
    const rule = this.ignore?.why(partsOf(path).join('/'))
    return rule === undefined || this.all.get(path) === undefined
      ? undefined
      : { file: this.ignore!.file, line: rule.line, pattern: rule.pattern }
  }

  close(): void {
    rmSync(this.path, { force: true })
  }
}

function withoutIgnored(tree: Tree, ignore: Ignore): Tree {
  const draft = tree.edit()
  const visible = new Set<string>()
  for (const [path] of tree.walk()) {
    if (ignore.ignored(path)) continue
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1))
      visible.add(path.slice(0, slash))
    visible.add(path)
  }
  for (const [path] of tree.walk()) if (!visible.has(path)) draft.remove(path.split('/'))
  return new Tree(draft.done())
}
