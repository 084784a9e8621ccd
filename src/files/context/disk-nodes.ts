import { lstatSync } from 'node:fs'
import { systemPath } from '../../support/index.ts'
import type { Content, Metadata, RegularFile, Symlink } from '../tree/index.ts'
import type { FileContent, Folder } from './file-content.ts'

/** Something on disk. There may be hundreds of thousands, so all have the same few fields. */
export abstract class DiskNode implements Metadata {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly mtimeNs: number

  constructor({ mode, uid, gid, mtime, mtimeNs }: Metadata) {
    this.mode = mode
    this.uid = uid
    this.gid = gid
    this.mtime = mtime
    this.mtimeNs = mtimeNs
  }

  protected abstract get real(): string

  /** A stat has a time as a double, which is some 200 ns off; to ask for all digits costs more, and is rarely necessary. */
  get exactNs(): number {
    try {
      const { mtimeNs } = lstatSync(systemPath(this.real), { bigint: true })
      const digits = Number(mtimeNs - BigInt(this.mtime) * 1_000_000_000n)
      return Math.abs(digits - this.mtimeNs) < 1000 && digits >= 0 && digits < 1e9 ? digits : this.mtimeNs
    } catch {
      return this.mtimeNs
    }
  }
}

export class FileNode extends DiskNode implements RegularFile {
  readonly kind = 'file'
  readonly size: number
  readonly content: FileContent

  constructor(metadata: Metadata, size: number, content: FileContent) {
    super(metadata)
    this.size = size
    this.content = content
  }

  protected get real(): string {
    return this.content.path
  }
}

/** Something without a content of its own. */
abstract class NamedNode extends DiskNode {
  private readonly folder: Folder
  private readonly name: string

  constructor(metadata: Metadata, folder: Folder, name: string) {
    super(metadata)
    this.folder = folder
    this.name = name
  }

  protected get real(): string {
    return `${this.folder.real}/${this.name}`
  }
}

export class EmptyNode extends NamedNode implements RegularFile {
  readonly kind = 'file'
  readonly size = 0
  readonly content: Content = { kind: 'inline', bytes: new Uint8Array(0) }
}

export class LinkNode extends NamedNode implements Symlink {
  readonly kind = 'symlink'
  readonly target: string

  constructor(metadata: Metadata, target: string, folder: Folder, name: string) {
    super({ ...metadata, mode: 0o777 }, folder, name)
    this.target = target
  }
}
