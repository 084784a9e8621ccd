import { createHash } from 'node:crypto'
import type { InstalledPackage, UnreadDatabase } from '../../api/index.ts'
import { ContentReader, mergeLayers, pieces } from '../../files/layer/index.ts'
import type { RegularFile, Tree } from '../../files/tree/index.ts'
import type { Digest } from '../../oci/index.ts'
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
  const tree = mergeLayers(image.layers)
  const distribution = readDistribution(tree)
  const { packages, unread } = findPackages(tree, { files: options.files })
  return {
    name: image.name,
    digest: options.digest,
    created: timeOf(image.config.created),
    toolVersion: options.toolVersion,
    packages: packages.map((one) => ({ ...one, url: packageUrl(one, distribution) })),
    files: options.files ? filesOf(tree, packages) : [],
    unread,
  }
}

/** Seconds are as fine as SPDX takes them. */
function timeOf(created: string | undefined): string {
  const time = new Date(created ?? 0)
  return `${(Number.isNaN(time.getTime()) || time.getTime() < 0 ? new Date(0) : time).toISOString().slice(0, 19)}Z`
}

function filesOf(tree: Tree, packages: readonly InstalledPackage[]): readonly BillFile[] {
  const owners = new Map(packages.flatMap(({ files = [] }, i) => files.map((path) => [path, i] as const)))
  const reader = new ContentReader()
  const known = new Map<RegularFile, Pick<BillFile, 'sha1' | 'sha256'>>()
  const found: BillFile[] = []
  try {
    for (const [path, node] of tree.walk()) {
      if (node.kind !== 'file') continue
      const digests = known.get(node) ?? digestsOf(node, reader)
      known.set(node, digests)
      const owner = owners.get(path)
      found.push({ path, size: node.size, ...digests, ...(owner === undefined ? {} : { owner }) })
    }
  } finally {
    reader.close()
  }
  return found
}

function digestsOf(file: RegularFile, reader: ContentReader): Pick<BillFile, 'sha1' | 'sha256'> {
  const sha1 = createHash('sha1')
  const sha256 = createHash('sha256')
  for (const piece of pieces(file.content, file.size, reader)) {
    sha1.update(piece)
    sha256.update(piece)
  }
  return { sha1: sha1.digest('hex'), sha256: sha256.digest('hex') }
}
