import { join } from 'node:path'
import { makeFolderOfMode, type ProcessFiles } from '../../../disk/index.ts'
import { type Node, nameOfKind } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { Extractor, removeAll } from '../rootfs/index.ts'

/** Files of a context on disk, unpacked once for all steps that mount them. They must not be written to. */
export class SharedFiles {
  private readonly machine: Machine
  private readonly work: ProcessFiles
  private readonly known = new Map<Node, Promise<string>>()
  private folder: string | undefined

  constructor(machine: Machine, work: ProcessFiles) {
    this.machine = machine
    this.work = work
  }

  /** Returns their path. Throws `MOUNT_SOURCE_INVALID`. */
  of(node: Node): Promise<string> {
    let found = this.known.get(node)
    if (found === undefined) {
      this.folder ??= this.work.make()
      found = unpackFiles(node, join(this.folder, `files-${this.known.size}`), this.machine)
      found.catch(() => this.known.delete(node))
      this.known.set(node, found)
    }
    return found
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.known.values())
    this.known.clear()
    if (this.folder !== undefined) await removeAll(this.machine, [this.folder])
    this.folder = undefined
  }
}

/** Unpacks the file or directory into the folder `at`, which is created. Returns its path. Throws `MOUNT_SOURCE_INVALID`. */
export async function unpackFiles(node: Node, at: string, machine: Machine): Promise<string> {
  if (node.kind !== 'directory' && node.kind !== 'file')
    throw new TareError('MOUNT_SOURCE_INVALID', `cannot mount a ${nameOfKind(node)}`)
  makeFolderOfMode(at, 0o755)
  return new Extractor(machine).source(node, at)
}
