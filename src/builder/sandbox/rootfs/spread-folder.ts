import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, privately } from '../../../disk/index.ts'
import type { Directory, Node } from '../../../files/tree/index.ts'
import { systemPath } from '../../../support/index.ts'
import { findProgram, plainEnvironment } from '../machine/index.ts'

// In an area of the disk where many files were removed during the last minutes, ext4 looks at each of them for every file it creates,
// which then takes ten times as long. With a flag it puts a folder's subfolders into areas far from each other. Other disks have no
// such flag. (chattr(1), `T`; the kernel's ext4, recently_deleted)

/** Creates a folder for directories with many files each. */
export function makeSpreadFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(path, privately)
  spread([path])
}

// Fewer files are created soon enough anywhere.
const worthwhile = 1000
const mostSpread = 256
const deepest = 8

type Made = readonly [directory: Directory, path: string]

/** Creates the upper directories of where the files of `node` will be created, if they are many. `at` must not exist. */
export function makeSpreadDirectories(node: Directory, at: string): void {
  if (!hasMany(node)) return
  mkdirSync(at)
  let level: readonly Made[] = [[node, at]]
  for (let depth = 0, count = 1; depth < deepest && level.length > 0; depth++) {
    if (!spread(level.map(([, path]) => path))) return
    level = level
      .flatMap(subdirectories)
      .slice(0, mostSpread - count)
      .filter(isMade)
    count += level.length
  }
}

function subdirectories([{ children }, path]: Made): Made[] {
  return [...children].flatMap(([name, child]) =>
    child.kind === 'directory' ? [[child, join(path, name)] as const] : [],
  )
}

/** Whatever cannot be created here, the one who creates the files explains better. */
function isMade([, path]: Made): boolean {
  try {
    mkdirSync(systemPath(path))
    return typeof systemPath(path) === 'string'
  } catch {
    return false
  }
}

function hasMany(directory: Directory): boolean {
  let count = 0
  const add = ({ children }: Directory): boolean => {
    count += children.size
    return count >= worthwhile || [...children.values()].some((node: Node) => node.kind === 'directory' && add(node))
  }
  return add(directory)
}

/** Returns whether the disk has the flag. */
function spread(paths: readonly string[]): boolean {
  const chattr = findProgram('chattr')
  if (chattr === undefined) return false
  return spawnSync(chattr, ['+T', '--', ...paths], { env: plainEnvironment, stdio: 'ignore' }).status === 0
}
