import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatNode } from '../filesystem/flat-directory.ts'

// What runtimes mount, or create in order to mount it. buildah leaves an empty /etc/resolv.conf.
const mountPoints = new Set([
  ...['.dockerenv', 'dev', 'dev/console', 'dev/mqueue', 'dev/pts', 'dev/shm', 'etc', 'etc/hostname', 'etc/hosts'],
  ...['etc/mtab', 'etc/resolv.conf', 'proc', 'run', 'run/.containerenv', 'run/secrets', 'sys'],
])

const longest = Math.max(...[...mountPoints].map((path) => path.length))

const folders = new Set([...mountPoints].flatMap((path) => /^(.*)\//.exec(path)?.[1] ?? []))

/** Whether one of these paths is directly in a directory, or further below. */
export function mayHaveMountPoints(directory: string): boolean {
  return folders.has(directory)
}

/** Whether it is empty, and a path where builders mount something for RUN. */
export function isMountPoint(flat: FlatFilesystem, node: FlatNode, path: string): boolean {
  // By length first: a set hashes every path, and there may be hundreds of thousands.
  if (path.length > longest || !mountPoints.has(path)) return false
  if (typeof node === 'object')
    return [...node.children].every(([name, child]) => isMountPoint(flat, child, `${path}/${name}`))
  const kind = flat.kindOf(node)
  return kind === 'file' ? flat.sizeOf(node) === 0 : kind === 'symlink' && path === 'etc/mtab'
}
