import { join } from 'node:path'
import { makeFolderOfMode, type ProcessFiles } from '../../../disk/index.ts'
import { type Directory, type Node, nameOfKind } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { Extractor, removeAll } from '../rootfs/index.ts'
import type { Identity } from '../step/index.ts'
import { canMount, type DirectFolder, findDirect } from './direct-folders.ts'
import { type FilledFolder, KeptFiles } from './kept-files.ts'

export interface FilesOnDisk {
  readonly path: string
  /** Whether they are what their digests say. */
  readonly isAsRead: boolean
}

interface Found {
  readonly direct: DirectFolder | undefined
  /** Whether the machine lets it be mounted. */
  readonly works: Promise<boolean> | boolean
}

/**
 * Files of a context on disk, shared by all steps of a build that mount them; directories are kept for later builds. So they must
 * not be written to.
 */
export class SharedFiles {
  private readonly machine: Machine
  private readonly work: ProcessFiles
  private readonly kept: KeptFiles
  private readonly known = new Map<Node, Promise<FilesOnDisk>>()
  private readonly found = new Map<Directory, Found>()
  private readonly filled: FilledFolder[] = []
  private folder: string | undefined
  private count = 0

  /** `kept`: where directories are between builds. */
  constructor(kept: string, machine: Machine, work: ProcessFiles) {
    this.machine = machine
    this.work = work
    this.kept = new KeptFiles(kept, machine, work)
  }

  /** `identity` is as in the mount. Throws `MOUNT_SOURCE_INVALID`. */
  of(node: Node, identity: Identity): Promise<FilesOnDisk> {
    let found = this.known.get(node)
    if (found === undefined) {
      const at = this.newPath()
      found = node.kind === 'directory' ? this.directory(node, identity, at) : unpackFiles(node, at, this.machine)
      found.catch(() => this.known.delete(node))
      this.known.set(node, found)
    }
    return found
  }

  /** Whether steps can most likely be shown the folder itself. */
  mayBeDirect(node: Directory): boolean {
    return this.look(node).direct !== undefined
  }

  /** Returns the folder on this machine that steps can be shown itself; undefined if there is none. */
  async direct(node: Directory): Promise<DirectFolder | undefined> {
    const { direct, works } = this.look(node)
    return (await works) ? direct : undefined
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.known.values(), ...[...this.found.values()].map(({ works }) => works)])
    this.known.clear()
    this.found.clear()
    for (const filled of this.filled.splice(0)) await this.kept.leave(filled)
    if (this.folder !== undefined) await removeAll(this.machine, [this.folder])
    this.folder = undefined
  }

  private look(node: Directory): Found {
    let found = this.found.get(node)
    if (found === undefined) {
      const direct = findDirect(node, this.work.folder)
      const works = direct !== undefined && canMount(direct, this.newPath(), this.machine).catch(() => false)
      found = { direct, works }
      this.found.set(node, found)
    }
    return found
  }

  private newPath(): string {
    this.folder ??= this.work.make()
    return join(this.folder, `files-${this.count++}`)
  }

  private async directory(node: Directory, identity: Identity, at: string): Promise<FilesOnDisk> {
    const filled = await this.kept.fill(node, identity, at)
    this.filled.push(filled)
    return { path: join(at, 'source'), isAsRead: filled.name !== undefined }
  }
}

/** Unpacks the file or directory into the folder `at`, which is created. Throws `MOUNT_SOURCE_INVALID`. */
export async function unpackFiles(node: Node, at: string, machine: Machine): Promise<FilesOnDisk> {
  if (node.kind !== 'directory' && node.kind !== 'file')
    throw new TareError('MOUNT_SOURCE_INVALID', `cannot mount a ${nameOfKind(node)}`)
  makeFolderOfMode(at, 0o755)
  let isAsRead = true
  const unlike = () => {
    isAsRead = false
  }
  const path = await new Extractor(machine).source(node, at, { unlike })
  return { path, isAsRead }
}
