import { join } from 'node:path'
import { makeFolderOfMode, type ProcessFiles } from '../../../disk/index.ts'
import { type Directory, type Node, nameOfKind } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { Extractor, removeAll } from '../rootfs/index.ts'
import type { Identity } from '../step/index.ts'
import { type FilledFolder, KeptFiles } from './kept-files.ts'

/**
 * Files of a context on disk, shared by all steps of a build that mount them; directories are kept for later builds. So they must
 * not be written to.
 */
export class SharedFiles {
  private readonly machine: Machine
  private readonly work: ProcessFiles
  private readonly kept: KeptFiles
  private readonly known = new Map<Node, Promise<string>>()
  private readonly filled: FilledFolder[] = []
  private folder: string | undefined
  private count = 0

  /** `kept`: where directories are between builds. */
  constructor(kept: string, machine: Machine, work: ProcessFiles) {
    this.machine = machine
    this.work = work
    this.kept = new KeptFiles(kept, machine, work)
  }

  /** Returns their path. `identity` is as in the mount. Throws `MOUNT_SOURCE_INVALID`. */
  of(node: Node, identity: Identity): Promise<string> {
    let found = this.known.get(node)
    if (found === undefined) {
      this.folder ??= this.work.make()
      const at = join(this.folder, `files-${this.count++}`)
      found = node.kind === 'directory' ? this.directory(node, identity, at) : unpackFiles(node, at, this.machine)
      found.catch(() => this.known.delete(node))
      this.known.set(node, found)
    }
    return found
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.known.values())
    this.known.clear()
    for (const filled of this.filled.splice(0)) await this.kept.leave(filled)
    if (this.folder !== undefined) await removeAll(this.machine, [this.folder])
    this.folder = undefined
  }

  private async directory(node: Directory, identity: Identity, at: string): Promise<string> {
    const filled = await this.kept.fill(node, identity, at)
    this.filled.push(filled)
    return join(at, 'source')
  }
}

/** Unpacks the file or directory into the folder `at`, which is created. Returns its path. Throws `MOUNT_SOURCE_INVALID`. */
export async function unpackFiles(node: Node, at: string, machine: Machine): Promise<string> {
  if (node.kind !== 'directory' && node.kind !== 'file')
    throw new TareError('MOUNT_SOURCE_INVALID', `cannot mount a ${nameOfKind(node)}`)
  makeFolderOfMode(at, 0o755)
  return new Extractor(machine).source(node, at)
}
