import { chmodSync, existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Machine } from './machine.ts'
import { quoted } from './programs.ts'

// mount(2) accepts one page; short names leave room for more layers than an image may have.
const optionLimit = 4000

/** Returns the options for an overlay of the directories, lowest first; undefined if they are too many for one mount. */
export function overlayOptions(
  lower: readonly string[],
  { upper, work, machine }: { upper?: string | undefined; work?: string | undefined; machine: Machine },
): string | undefined {
  const options = [
    `lowerdir=${[...lower].reverse().join(':')}`,
    ...(upper === undefined ? [] : [`upperdir=${upper}`, `workdir=${work}`]),
    // Only what a layer can express: no inode index, redirected directories or metadata-only copies.
    ...['index', 'metacopy', 'redirect_dir'].filter(isKnown).map((name) => `${name}=off`),
    ...(machine.userxattr ? ['userxattr'] : []),
  ].filter((option) => !(machine.userxattr && /^(?:metacopy|redirect_dir)=/.test(option)))
  const text = options.join(',')
  return text.length > optionLimit ? undefined : text
}

function isKnown(parameter: string): boolean {
  return existsSync(join('/sys/module/overlay/parameters', parameter))
}

// (linux/magic.h, OVERLAYFS_SUPER_MAGIC)
const overlayMagic = 0x794c7630

/** Whether the folder, or its nearest existing parent, is on an overlay, which cannot hold another overlay's upper directory. */
export function liesOnOverlay(folder: string): boolean {
  try {
    return statfsSync(folder).type === overlayMagic
  } catch {
    return dirname(folder) !== folder && liesOnOverlay(dirname(folder))
  }
}

/** Whether the kernel has overlay filesystems, or can load them. */
export function hasOverlay(): boolean {
  try {
    return /\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8')) || existsSync('/sys/module/overlay')
  } catch {
    return false
  }
}

/**
 * Returns a shell command that mounts an overlay whose changes need not survive a crash: at its end the kernel then does not write
 * the whole disk's changes first. Older kernels do not know the option. (overlayfs.rst, "Volatile mount")
 */
export function mountVolatile(options: string, at: string): string {
  const mount = (text: string) => `mount -n -t overlay -o ${quoted(text)} overlay ${quoted(at)}`
  return `{ ${mount(`${options},volatile`)} 2>/dev/null || ${mount(options)}; }`
}

/** Makes an overlay's work directory removable, which the kernel has made inaccessible, as far as it is ours. */
export function openWorkFolder(work: string): void {
  for (const place of ['work', 'work/incompat', 'work/incompat/volatile'])
    try {
      chmodSync(join(work, place), 0o700)
    } catch {
      // It does not exist, or is not ours.
    }
}
