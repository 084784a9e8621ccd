import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from '../../../files/tree/index.ts'
import { helperCommand, systemCode } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { findProgram, runProgram } from '../machine/index.ts'
import { readCapabilities } from './capabilities.ts'
import { changedTree } from './changed-tree.ts'
import { longPath, refusingLongPaths } from './long-paths.ts'
import { withOwners } from './plain-root.ts'
import { readSparse } from './sparse-files.ts'
import { type WalkedFile, walk } from './walk.ts'

/** An overlay used by a step and still mounted. */
export interface UsedOverlay {
  /** The step's folder, containing `upper` and `root`. */
  readonly folder: string
  /** A process in whose mount namespace it is. */
  readonly pid: number
  readonly machine: Machine
}

/** Returns the filesystem `below` with the changes. Throws `PATH_TOO_LONG`. */
export async function treeAfter(below: Tree, overlay: UsedOverlay): Promise<Tree> {
  return refusingLongPaths(join(overlay.folder, 'upper'), () => changedOn(below, overlay))
}

async function changedOn(below: Tree, overlay: UsedOverlay): Promise<Tree> {
  const { folder, pid, machine } = overlay
  const upper = join(folder, 'upper')
  let found: WalkedFile
  let aside: string | undefined
  let inside = false
  try {
    found = walk(upper, `/proc/${pid}/root${join(folder, 'root')}`)[0]!
    if (!machine.root) checkReadable(found)
    if (machine.oneId) found = withOwners(found, below.root)
  } catch (error) {
    if (machine.root || (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM')) throw error
    aside = join(folder, 'aside')
    found = await walkInside(upper, join(folder, 'root'), aside, pid)
    inside = true
  }
  const { held } = machine
  const mapped = !machine.root && !machine.oneId && !inside
  return changedTree(found, {
    below,
    folder: upper,
    aside,
    uid: mapped ? idsOf(pid, 'uid_map') : (id) => id,
    gid: mapped ? idsOf(pid, 'gid_map') : (id) => id,
    isMapped:
      held === undefined || machine.oneId ? undefined : ({ uid, gid }) => held.has('uid', uid) && held.has('gid', gid),
    capabilities: await readCapabilities(found, upper, machine),
    sparse: await readSparse(found, { folder: upper, to: join(folder, 'sparse.tar'), machine }),
  })
}

/** Walks as root of the step's namespaces: some files are inaccessible from outside. */
async function walkInside(upper: string, merged: string, aside: string, pid: number): Promise<WalkedFile> {
  const enter = [
    findProgram('nsenter') ?? 'nsenter',
    '--target',
    String(pid),
    '--user',
    '--mount',
    '--preserve-credentials',
    '--',
  ]
  const { code, stdout, stderr } = await runProgram([...enter, ...helperCommand('walk', walk, [upper, merged, aside])])
  if (code !== 0) throw longPath(stderr) ?? new Error(`reading what a step wrote failed: ${stderr}`)
  return (JSON.parse(stdout.toString('utf8')) as WalkedFile[])[0]!
}

/** Throws EACCES if a file cannot be read from outside the user namespace. */
function checkReadable(found: WalkedFile): void {
  const uid = process.geteuid?.()
  for (const child of found.children ?? []) {
    const bit = child.uid === uid ? 0o400 : 0o4
    if (child.kind === 'file' && child.size > 0 && (child.mode & bit) === 0)
      throw Object.assign(new Error(`cannot read ${child.name}`), { code: 'EACCES' })
    if (child.kind === 'directory') checkReadable(child)
  }
}

/** Returns the mapping from outside IDs to those in the process's user namespace. (user_namespaces(7)) */
function idsOf(pid: number, map: 'uid_map' | 'gid_map'): (id: number) => number {
  const lines = readFileSync(`/proc/${pid}/${map}`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  return (id) => {
    for (const [inside = 0, outside = 0, count = 0] of lines)
      if (id >= outside && id < outside + count) return inside + id - outside
    return 65534
  }
}
