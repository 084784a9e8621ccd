import { lstatSync, realpathSync, statfsSync } from 'node:fs'
import { type Directory, type DirectoryPlace, type Owner, subdirectories } from '../../../files/tree/index.ts'
import { ticks } from '../../../support/index.ts'
import { findProgram, type Machine, overlayOptions, quoted, runProgram } from '../machine/index.ts'
import { flagsToKeep, hasMountsBelow } from './mount-flags.ts'
import { isUnchanged } from './unchanged-since.ts'

/** A folder of this machine that a step can be shown itself, since a copy would be the same. */
export interface DirectFolder {
  /** Without links. */
  readonly path: string
  /** Device and inode, as stat(1) prints them with `%d:%i`. */
  readonly identity: string
  readonly dev: number
  /** Whether a copy's own mode and owner would be the same, too. */
  readonly isAlikeItself: boolean
  /** Whether programs in a bind mount of it could not be executed. */
  readonly isNoexec: boolean
  /** Looks whether everything was as it had been read until then; the same look serves for everybody before it. */
  wasAsRead(until: number): Promise<boolean>
}

// ext4, XFS, btrfs, F2FS, bcachefs, ZFS, tmpfs, overlay: what is written is seen at once, and owners and times are what they are.
// (linux/magic.h)
const localFilesystems = new Set([
  ...[0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0xca451a4e, 0x2fc12fc1, 0x01021994, 0x794c7630],
])

/**
 * Returns the folder that has the files, if it is one, has nothing else, and they look to a step like a copy: the owners are those
 * that become root, modes and times are those of the files. `own`: a folder of the store, which changes during a build.
 */
export function findDirect(node: Directory, own: string): DirectFolder | undefined {
  const places = placesBelow(node, ownerOfRoot())
  const place = places?.[0]
  if (places === undefined || place === undefined || findProgram('stat') === undefined) return undefined
  try {
    const path = realpathSync(place.path)
    const stat = lstatSync(path, { bigint: true })
    const isSame = Number(stat.dev) === place.dev && Number(stat.ino) === place.ino
    if (!isSame || path.includes('\ufffd') || !localFilesystems.has(statfsSync(path).type)) return undefined
    if (realpathSync(own).startsWith(`${path}/`) || hasMountsBelow(path)) return undefined
    return {
      path,
      identity: `${stat.dev}:${stat.ino}`,
      dev: place.dev,
      isAlikeItself: place.mode === node.mode && isOwner(place.owner, ownerOfRoot()),
      isNoexec: flagsToKeep(path).includes('noexec'),
      wasAsRead: onceFor(async () => (await isUnchanged(path, places)) || places.every((one) => one.isAsRead())),
    }
  } catch {
    return undefined
  }
}

/** Returns a function that looks again only for a later time, in milliseconds of `performance`, and never once it was not so. */
function onceFor(look: () => Promise<boolean>): (until: number) => Promise<boolean> {
  let last = { at: Number.NEGATIVE_INFINITY, is: Promise.resolve(true) }
  return async (until) => {
    while (last.at < until && (await last.is)) if (last.at < until) last = { at: ticks(), is: look() }
    return last.is
  }
}

/** Tries what steps will do with the folder, in `at`, which is created: the machine may have rules of its own. */
export async function canMount(direct: DirectFolder, at: string, machine: Machine): Promise<boolean> {
  const overlay = overlayOptions(['direct', 'empty'], { machine })!
  const script = [
    `umask 022; mkdir ${quoted(at)} && cd ${quoted(at)} && mkdir direct empty || exit`,
    ...mountDirect(direct, 'direct'),
    `mount -n -t overlay -o ${quoted(overlay)} overlay empty || exit`,
  ]
  const { code } = await runProgram([...machine.enter(['--mount']), 'sh', '-c', script.join('\n')])
  return code === 0
}

/** Returns lines of a shell script that mount the folder itself: nothing below it, read-only, and not what somebody has put in its place. */
export function mountDirect({ path, identity }: DirectFolder, at: string): string[] {
  return [
    `mount -n -c -o bind,ro,nosuid,nodev ${quoted(path)} ${quoted(at)} || exit`,
    `[ "$(stat -c %d:%i ${quoted(at)})" = ${identity} ] || { echo "another folder has taken the place of "${quoted(path)}; exit 1; }`,
  ]
}

/** Returns the places of all directories, first that of the node itself; undefined if one of them does not show what it should. */
function placesBelow(node: Directory, root: Owner): DirectoryPlace[] | undefined {
  const places: DirectoryPlace[] = []
  const add = (directory: Directory): boolean => {
    const place = directory.outline?.place
    if (place?.isWhole !== true || !(place.ownerWithin === undefined || isOwner(place.ownerWithin, root))) return false
    places.push(place)
    return [...subdirectories(directory).values()].every(add)
  }
  return add(node) ? places : undefined
}

/** Returns who a step sees as root. */
function ownerOfRoot(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
}

function isOwner(owner: Owner, { uid, gid }: Owner): boolean {
  return owner.uid === uid && owner.gid === gid
}
