import { createHash, hash } from 'node:crypto'
import type { InstalledPackage, UnreadDatabase } from '../../api/index.ts'
import { ContentReader, contentOf, pieces } from '../../files/layer/index.ts'
import type { Digest } from '../../oci/index.ts'
import { wellFormed } from '../../support/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import { treeOf } from '../filesystem/image-tree.ts'
import type { InspectedImage } from '../image.ts'
import { findPackages } from '../packages/find-packages.ts'
import { readDistribution } from './distribution.ts'
import { packageUrl } from './package-url.ts'

/** What is in an image, as both kinds of SBOM tell it. */
export interface Bill {
  readonly name: string
  /** The image ID: the digest of its config. */
  readonly digest: Digest
  /** RFC 3339: the image's own time, so that the same image has the same SBOM. */
  readonly created: string
  readonly toolVersion: string
  readonly packages: readonly BillPackage[]
  readonly files: readonly BillFile[]
  /** Databases of packages that were not read. */
  readonly unread: readonly UnreadDatabase[]
}

export interface BillPackage extends InstalledPackage {
  readonly url: string
}

export interface BillFile {
  /** With U+FFFD for what is not UTF-8: not every reader of JSON takes half a character. */
  readonly path: string
  readonly size: number
  /** Hexadecimal. */
  readonly sha1: string
  readonly sha256: string
  /** Index of the package that has it. */
  readonly owner?: number
}

export interface BillOptions {
  readonly digest: Digest
  readonly toolVersion: string
  readonly files: boolean
}

/** Lists the packages of an image, and reads all its files for their digests. */
export function billOf(image: InspectedImage, options: BillOptions): Bill {
  const flat = FlatFilesystem.of(image.layers)
  const tree = treeOf(flat)
  const distribution = readDistribution(tree)
  const { packages, unread } = findPackages(tree, { files: options.files })
  return {
    name: image.name,
    digest: options.digest,
    created: timeOf(image.config.created),
    toolVersion: options.toolVersion,
    packages: packages.map((one) => ({
      ...{ ...one, database: wellFormed(one.database) },
      url: packageUrl(one, distribution),
    })),
    files: options.files ? filesOf(flat, packages) : [],
    unread: unread.map((one) => ({ ...one, path: wellFormed(one.path) })),
  }
}

/** Seconds are as fine as SPDX takes them. */
function timeOf(created: string | undefined): string {
  const time = new Date(created ?? 0)
  return `${(Number.isNaN(time.getTime()) || time.getTime() < 0 ? new Date(0) : time).toISOString().slice(0, 19)}Z`
}

function filesOf(flat: FlatFilesystem, packages: readonly InstalledPackage[]): readonly BillFile[] {
  const owners = new Map(packages.flatMap(({ files = [] }, i) => files.map((path) => [path, i] as const)))
  const reader = new ContentReader({ ahead: 1 << 20 })
  const known = new Map<number, Digests>()
  const found: BillFile[] = []
  try {
    for (const [path, node] of flat.walk()) {
      if (typeof node === 'object' || flat.kinds[node] !== file) continue
      const digests = known.get(node) ?? digestsOf(flat, node, reader)
      if (flat.linked.has(node)) known.set(node, digests)
      const { sha1, sha256 } = digests
      const owner = owners.get(path)
      const one = { path: wellFormed(path), size: flat.sizes[node]!, sha1, sha256 }
      found.push(owner === undefined ? one : { ...one, owner })
    }
  } finally {
    reader.close()
  }
  return found
}

type Digests = Pick<BillFile, 'sha1' | 'sha256'>

const file = 0
const small = 1 << 18

/** Reads a file. The SHA-256 of most is in the index of their layer. */
function digestsOf(flat: FlatFilesystem, id: number, reader: ContentReader): Digests {
  const { layer, table, i } = flat.locate(id)
  const entry = table.entry(i)
  const content = contentOf(flat.layers[layer]!, entry)
  if (entry.size <= small) {
    const bytes = Buffer.allocUnsafe(entry.size)
    reader.read(content, bytes, 0)
    return { sha1: hash('sha1', bytes), sha256: entry.digest?.slice(7) ?? hash('sha256', bytes) }
  }
  const sha1 = createHash('sha1')
  const sha256 = entry.digest === undefined ? createHash('sha256') : undefined
  for (const piece of pieces(content, entry.size, reader)) {
    sha1.update(piece)
    sha256?.update(piece)
  }
  return { sha1: sha1.digest('hex'), sha256: sha256?.digest('hex') ?? entry.digest!.slice(7) }
}
