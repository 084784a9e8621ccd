import { chmodSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, makeFolderOfMode, type ProcessFiles, privately } from '../../../disk/index.ts'
import { type Directory, type Node, subdirectories, Tree } from '../../../files/tree/index.ts'
import { sortNames, systemPath } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import {
  type DifferenceOptions,
  dated,
  Extractor,
  makeSpreadDirectories,
  removeAll,
  restore,
  shortName,
} from '../rootfs/index.ts'
import type { Identity } from '../step/index.ts'
import { compareLists, type ListChanges } from './lists/compare-lists.ts'
import { listFiles } from './lists/file-list.ts'
import { addBlocks, type Block, type ListedFiles, readList } from './lists/list-format.ts'

/** A folder that a build has for itself, with the files in `source`. */
export interface FilledFolder {
  readonly path: string
  /** The key under which it can be kept; undefined if something changed while it was read, so that its content is unknown. */
  readonly name: string | undefined
}

// Each is of another project, or of another part of one.
const mostKept = 8
const mostCompared = 4

/**
 * Files of contexts on disk, kept between builds: a folder with `source`, the files, and `state`, a list of them. A build
 * takes a folder out of the store, changes what differs from its own files, and puts it back. So only one build at a time has it,
 * and what a killed build was changing is never found.
 */
export class KeptFiles {
  private readonly folder: string
  private readonly machine: Machine
  private readonly work: ProcessFiles
  private readonly extractor: Extractor

  constructor(folder: string, machine: Machine, work: ProcessFiles) {
    this.folder = folder
    this.machine = machine
    this.work = work
    this.extractor = new Extractor(machine)
  }

  /**
   * Creates the folder `at`, with the directory's files in `source`: from those of an earlier build, or by unpacking all of them.
   * `identity` is as in the mount.
   */
  async fill(node: Directory, identity: Identity, at: string): Promise<FilledFolder> {
    const shape = shapeOf(node)
    let isKnown = true
    const unlike = () => {
      isKnown = false
    }
    const done = (list: Buffer, name: string) => {
      writeFileSync(join(at, 'state'), list, { mode: 0o600 })
      return { path: at, name: isKnown ? name : undefined }
    }
    // Where there is nothing to compare them with, files are read only once.
    if (isUnread(node) && this.alike(shape).length === 0) {
      await this.unpack(node, at, { unlike, digests: () => true })
      return done(this.listOf(node), `${shape}-${shortName(identity())}`)
    }
    const name = `${shape}-${shortName(identity())}`
    if (this.move(name, at)) return { path: at, name }
    const earlier = this.earlier(shape)
    const list = this.listOf(node, earlier)
    if (!(await this.adapt(node, { list, earlier, at, unlike }))) {
      await removeAll(this.machine, [at])
      await this.unpack(node, at, { unlike })
    }
    return done(list, name)
  }

  /** Leaves the folder to later builds. */
  async leave({ path, name }: FilledFolder): Promise<void> {
    if (name === undefined) return
    try {
      utimesSync(join(path, 'state'), new Date(), new Date())
      makeFolder(this.folder, privately)
      renameSync(path, join(this.folder, name))
    } catch {
      // Another build was faster, or the disk is full: it is removed with the rest of this build's.
      return
    }
    const tooMany = this.list().slice(mostKept)
    if (tooMany.length === 0) return
    const doomed = this.work.make()
    for (const name of tooMany) this.move(name, join(doomed, name))
    await removeAll(this.machine, [doomed])
  }

  private async unpack(node: Directory, at: string, options: DifferenceOptions): Promise<void> {
    makeFolderOfMode(at, 0o755)
    makeSpreadDirectories(node, join(at, 'source'))
    await this.extractor.source(node, at, options)
  }

  private listOf(node: Directory, earlier?: Earlier): Buffer {
    return listFiles(wrapped(dated(node, 0)), earlier?.blocks)
  }

  private move(name: string, to: string): boolean {
    try {
      renameSync(join(this.folder, name), to)
      return true
    } catch {
      return false
    }
  }

  /** Lists what there is, last used first. */
  private list(): string[] {
    let names: string[] = []
    try {
      names = readdirSync(this.folder)
    } catch {
      // There is nothing yet.
    }
    const used = (name: string) => statSync(join(this.folder, name, 'state'), { throwIfNoEntry: false })?.mtimeMs ?? 0
    return names
      .map((name) => ({ name, used: used(name) }))
      .sort((a, b) => b.used - a.used)
      .map(({ name }) => name)
  }

  /** Creates the folder `at` from that of an earlier build, if there is one like it. */
  private async adapt(node: Directory, { list, earlier, at, unlike }: Adapting): Promise<boolean> {
    const wanted = new Tree(wrapped(dated(node)))
    const near = nearest(earlier.folders, readList(list)!)
    if (near === undefined || !this.move(near.name, at)) return false
    try {
      const touched = [...near.touched]
      for (const path of near.metadata) {
        const { mode, mtime, exactNs = 0 } = wanted.get(path)!
        if (exactNs > 0) {
          touched.push(path)
          continue
        }
        chmodSync(systemPath(join(at, path)), mode)
        utimesSync(systemPath(join(at, path)), mtime, mtime)
      }
      await restore(at, wanted, touched, {
        contents: (directory, folder) => this.extractor.contents(directory, folder, { unlike, exactTimes: true }),
      })
      return true
    } catch {
      // An ordinary user cannot change files of others.
      return false
    }
  }

  private alike(shape: string): string[] {
    return this.list()
      .filter((name) => name.startsWith(`${shape}-`))
      .slice(0, mostCompared)
  }

  /** Reads the descriptions of folders with names of this shape, those used last. */
  private earlier(shape: string): Earlier {
    const blocks = new Map<string, Block>()
    const folders = this.alike(shape).flatMap((name) => {
      try {
        const list = readList(readFileSync(join(this.folder, name, 'state')))
        // Changing a file with several names would change the others.
        if (list === undefined || list.hasLinks) return []
        addBlocks(list, blocks)
        return [{ name, list }]
      } catch {
        return []
      }
    })
    return { folders, blocks }
  }
}

interface Earlier {
  readonly folders: readonly { readonly name: string; readonly list: ListedFiles }[]
  /** The files of their directories. */
  readonly blocks: ReadonlyMap<string, Block>
}

interface Adapting {
  readonly list: Buffer
  readonly earlier: Earlier
  readonly at: string
  readonly unlike: () => void
}

/** Finds the folder with the fewest differences, if less than half of it differs. */
function nearest(folders: Earlier['folders'], wanted: ListedFiles): Near | undefined {
  if (wanted.hasLinks) return undefined
  let best: Near | undefined
  for (const { name, list } of folders) {
    const changes = changesOf(list, wanted, best?.touched.length ?? wanted.count / 2)
    if (changes !== undefined) best = { name, ...changes }
  }
  return best
}

/** A folder, and what to do to it. */
interface Near extends ListChanges {
  readonly name: string
}

/** Whether most of the files have never been read. */
function isUnread(directory: Directory): boolean {
  let [unread, read] = [0, 0]
  const add = (one: Directory) => {
    if (one.outline?.listing === undefined)
      for (const node of one.children.values())
        if (node.kind === 'file' && node.size > 0) node.content.digest === undefined ? unread++ : read++
    for (const below of subdirectories(one).values()) add(below)
  }
  add(directory)
  return unread > read
}

/** Names that are in the same place are likely to be the same project. */
function shapeOf({ children }: Directory): string {
  return shortName(`files ${sortNames([...children.keys()]).join('\0')}`)
}

function wrapped(node: Node): Directory {
  return { ...Tree.empty.root, children: new Map([['source', node]]) }
}

/** Returns undefined if they differ in more than `most`, or it cannot be told. */
function changesOf(list: ListedFiles, wanted: ListedFiles, most: number): ListChanges | undefined {
  try {
    return compareLists(list, wanted, most)
  } catch {
    return undefined
  }
}
