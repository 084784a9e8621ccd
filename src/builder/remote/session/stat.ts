import type { MessageInitShape } from '@bufbuild/protobuf'
import type { fsutil } from '../../../buildkit/index.ts'
import type { Node } from '../../../files/tree/index.ts'

/** Go's bits for what a file is. (io/fs, FileMode) */
const kinds: Readonly<Record<Node['kind'], number>> = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  block: 2 ** 26,
  char: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
}

/** Describes a node the way BuildKit sends trees. */
export function statOf(
  path: string,
  node: Node,
  linkname: string | undefined,
): MessageInitShape<typeof fsutil.StatSchema> {
  const { mode, uid, gid, mtime, mtimeNs, xattrs } = node
  const special = (mode & 0o4000 ? 2 ** 23 : 0) + (mode & 0o2000 ? 2 ** 22 : 0) + (mode & 0o1000 ? 2 ** 20 : 0)
  const target = node.kind === 'symlink' ? node.target : linkname
  return {
    path,
    mode: kinds[node.kind] + special + (node.kind === 'symlink' ? 0o777 : mode & 0o777),
    uid,
    gid,
    size: node.kind === 'file' ? BigInt(node.size) : 0n,
    modTime: BigInt(mtime) * 1_000_000_000n + BigInt(mtimeNs),
    ...(target === undefined ? {} : { linkname: target }),
    ...(node.kind === 'char' || node.kind === 'block'
      ? { devmajor: BigInt(node.major), devminor: BigInt(node.minor) }
      : {}),
    ...(xattrs === undefined ? {} : { xattrs: Object.fromEntries([...xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) }),
  }
}
