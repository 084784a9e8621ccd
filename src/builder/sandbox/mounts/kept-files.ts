import { chmodSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, makeFolderOfMode, type ProcessFiles, privately } from '../../../disk/index.ts'
import { decodeIndex, describeTree, type LayerIndex, mergeLayers, sameContent } from '../../../files/layer/index.ts'
import { compareTrees, type Difference, type Directory, type Node, Tree } from '../../../files/tree/index.ts'
import { sortNames, systemPath } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { dated, Extractor, removeAll, restore, shortName, touchedBy } from '../rootfs/index.ts'

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
 * Files of contexts on disk, kept between builds: a folder with `source`, the files, and `state`, a description of them. A build
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
  async fill(node: Directory, identity: string, at: string): Promise<FilledFolder> {
    const name = `${shapeOf(node)}-${shortName(identity)}`
    if (this.move(name, at)) return { path: at, name }
    const state = describeTree(wrapped(dated(node, 0)))
    let isKnown = true
    const unlike = () => {
      isKnown = false
    }
    if (!(await this.adapt(node, state, at, unlike))) {
      await removeAll(this.machine, [at])
      makeFolderOfMode(at, 0o755)
      await this.extractor.source(node, at, unlike)
    }
    writeFileSync(join(at, 'state'), state, { mode: 0o600 })
    return { path: at, name: isKnown ? name : undefined }
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
  private async adapt(node: Directory, state: Buffer, at: string, unlike: () => void): Promise<boolean> {
    const wanted = wrapped(dated(node))
    const near = this.nearest(shapeOf(node), wanted, state)
    if (near === undefined || !this.move(near.name, at)) return false
    try {
      for (const { path, node } of near.metadata) {
        chmodSync(systemPath(join(at, path)), node.mode)
        utimesSync(systemPath(join(at, path)), node.mtime, node.mtime)
      }
      await restore(at, new Tree(wanted), touchedBy(near.rewritten), {
        contents: (directory, folder) => this.extractor.contents(directory, folder, unlike),
      })
      return true
    } catch {
      // An ordinary user cannot change files of others.
      return false
    }
  }

  /** Finds the folder with the fewest differences, if less than half of it differs. */
  private nearest(shape: string, wanted: Directory, state: Buffer): Near | undefined {
    const alike = this.list().filter((name) => name.startsWith(`${shape}-`))
    const index = alike.length === 0 ? undefined : decodeIndex(state)
    if (index === undefined || hasLinks(index)) return undefined
    let best: Near | undefined
    for (const name of alike.slice(0, mostCompared)) {
      const found = readState(join(this.folder, name, 'state'))
      if (found === undefined || hasLinks(found)) continue
      const near = compared(name, mergeLayers([{ index: found, path: '' }]), wanted)
      if (near.rewritten.length < (best?.rewritten.length ?? index.entries.length / 2)) best = near
    }
    return best
  }
}

/** A folder, and what to do to it. */
interface Near {
  readonly name: string
  /** Files of which only the mode or the time differs. */
  readonly metadata: readonly (Difference & { readonly kind: 'put' })[]
  readonly rewritten: readonly Difference[]
}

function compared(name: string, tree: Tree, wanted: Directory): Near {
  const metadata: (Difference & { readonly kind: 'put' })[] = []
  const rewritten: Difference[] = []
  for (const difference of compareTrees(tree.root, wanted, sameContent))
    if (isMetadata(tree, difference)) metadata.push(difference)
    else rewritten.push(difference)
  return { name, metadata, rewritten }
}

/** Names that are in the same place are likely to be the same project. */
function shapeOf({ children }: Directory): string {
  return shortName(`files ${sortNames([...children.keys()]).join('\0')}`)
}

function wrapped(node: Node): Directory {
  return { ...Tree.empty.root, children: new Map([['source', node]]) }
}

/** Whether some files have several names: changing one of them would change another. */
function hasLinks({ entries }: LayerIndex): boolean {
  return entries.some(({ kind }) => kind === 'hardlink')
}

/** Whether only the mode or the time of a file differs. */
function isMetadata(tree: Tree, difference: Difference): difference is Difference & { readonly kind: 'put' } {
  if (difference.kind !== 'put' || difference.node.kind !== 'file') return false
  const [old, node] = [tree.get(difference.path), difference.node]
  return (
    old?.kind === 'file' &&
    old.uid === node.uid &&
    old.gid === node.gid &&
    old.xattrs === undefined &&
    node.xattrs === undefined &&
    sameContent(old, node)
  )
}

function readState(path: string): LayerIndex | undefined {
  try {
    return decodeIndex(readFileSync(path))
  } catch {
    return undefined
  }
}
