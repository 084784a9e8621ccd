import type { InstalledPackage, PackageType, UnreadDatabase } from '../../api/index.ts'
import { ContentReader } from '../../files/layer/index.ts'
import type { Node, RegularFile, Tree } from '../../files/tree/index.ts'
import { findNode } from '../find-node.ts'

// A full desktop's database has about 60 MB of text; metadata files have kilobytes.
export const databaseLimit = 128 << 20
export const documentLimit = 4 << 20
const packageLimit = 500_000

export interface PackageOptions {
  /** Also list the files of each package. */
  readonly files?: boolean | undefined
}

/** A filesystem being searched for packages, and the packages found so far. */
export class PackageSearch {
  readonly tree: Tree
  readonly withFiles: boolean
  readonly packages: InstalledPackage[] = []
  readonly unread: UnreadDatabase[] = []
  private readonly refused = new Set<string>()
  private readonly reader = new ContentReader()

  constructor(tree: Tree, options: PackageOptions) {
    this.tree = tree
    this.withFiles = options.files === true
  }

  /** Returns the node at the path, following links inside the image; undefined also if they form a cycle. */
  find(path: string): Node | undefined {
    return findNode(this.tree, path)
  }

  /** Returns the file's text; undefined if it is too large. */
  text(file: RegularFile, limit: number): string | undefined {
    if (file.size > limit) return undefined
    const bytes = Buffer.alloc(file.size)
    this.bytes(file, bytes, 0)
    return bytes.toString('utf8')
  }

  bytes(file: RegularFile, into: Uint8Array, position: number): void {
    this.reader.read(file.content, into, position)
  }

  /** Adds a package, unless it has no name or version. */
  add(found: InstalledPackage): void {
    if (found.name === '' || found.version === '') return
    if (this.packages.length < packageLimit) this.packages.push(found)
    else this.refuse(found.type, found.database, `more than ${packageLimit} packages`)
  }

  /** Records once that a database, or part of it, was not read. */
  refuse(type: PackageType, path: string, reason: string): void {
    if (this.refused.has(path)) return
    this.refused.add(path)
    this.unread.push({ type, path, reason })
  }

  /** Returns a database's text; one that is too large is recorded as not read. */
  database(type: PackageType, path: string): string | undefined {
    const node = this.find(path)
    if (node?.kind !== 'file') return undefined
    const text = this.text(node, databaseLimit)
    if (text === undefined) this.refuse(type, path, `larger than ${databaseLimit >> 20} MiB`)
    return text
  }

  close(): void {
    this.reader.close()
  }
}

type Stated = Pick<InstalledPackage, 'arch' | 'license' | 'source' | 'size' | 'files'>

/** Returns the optional members that have a value. */
export function stated(members: { readonly [K in keyof Stated]: Stated[K] | undefined }): Stated {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== ''))
}

/** Parses a size in a database, in the given unit in bytes; returns undefined if it is invalid. */
export function sizeFrom(text: string | undefined, unit = 1): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) * unit : undefined
}
