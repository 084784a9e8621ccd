import { type Directory, type Node, Tree } from '../tree/index.ts'
import { ContentReader, digestOf } from './content.ts'
import { assembleIndex, encodeTable } from './index-codec.ts'
import type { LayerEntry } from './layer-index.ts'
import { TableWriter } from './table-writer.ts'

/**
 * Returns an encoded index of everything in the directory, as if a layer contained it: names, metadata with exact times, digests
 * of contents. Reads files whose digest is unknown. Equal directories give equal bytes.
 */
export function describeTree(root: Directory): Buffer {
  const table = new TableWriter()
  const reader = new ContentReader()
  const firsts = new Map<Node, string>()
  try {
    for (const [path, node] of new Tree(root).walk()) {
      const link = firsts.get(node)
      if (node.kind !== 'directory' && link === undefined) firsts.set(node, path)
      table.add(entryOf(path, node, link, reader))
    }
  } finally {
    reader.close()
  }
  return Buffer.concat(assembleIndex({ diffId: `sha256:${'0'.repeat(64)}`, size: 0 }, encodeTable(table.done())))
}

function entryOf(path: string, node: Node, link: string | undefined, reader: ContentReader): LayerEntry {
  const { mode, uid, gid, mtime, mtimeNs, xattrs } = node
  const common = { path, mode, uid, gid, mtime, mtimeNs, size: 0, at: -1, runs: [] }
  if (link !== undefined) return { ...common, kind: 'hardlink', link }
  const entry = { ...common, kind: node.kind, ...(xattrs === undefined ? {} : { xattrs }) }
  if (node.kind === 'symlink') return { ...entry, link: node.target }
  if (node.kind === 'char' || node.kind === 'block') return { ...entry, device: [node.major, node.minor] }
  if (node.kind !== 'file') return entry
  return { ...entry, size: node.size, digest: digestOf(node, reader) }
}
