import { quoted } from '../machine/index.ts'
import type { Prepared, PreparedMount } from '../mounts/index.ts'
import type { TableLine } from './mount-table.ts'

/** Marks the line of a script's output that names a target it refuses to mount on. */
export const refusedTarget = 'refused target: '

/** Mounts inside other mounts, where an attacker may have put symlinks, or may swap them in at any time. */
export interface NestedMounts {
  /** Mounts outside the root that give each source its flags, which a second bind then keeps. */
  readonly staged: readonly (TableLine & { readonly directory: boolean })[]
  /** Lines of a script that mount them below the root. */
  readonly lines: readonly string[]
}

/** Returns a script that creates a directory inside a mount below the root. */
export function makeInside(place: string, root: string): readonly string[] {
  return ['umask 022', `root=${quoted(root)}`, ...functions, downTo(place.split('/'))]
}

// A directory is entered before checking where that led, and is then mounted on as the working directory; a file is opened,
// checked, and mounted on through its descriptor. So what is checked is what is used, even if names are swapped meanwhile.
const functions = [
  `refuse() { echo "${refusedTarget}$1"; exit 125; }`,
  'down() {',
  '  cd -P "$root" || exit 125',
  '  here=$root',
  '  for part; do',
  '    here=$here/$part',
  '    cd -P "./$part" 2>/dev/null || { mkdir "./$part" && cd -P "./$part"; } || refuse "$here"',
  '    [ "$PWD" = "$here" ] || refuse "$here"',
  '  done',
  '}',
  'touch_new() { set -C; : > "./$1"; set +C; }',
  'on_file() {',
  '  [ "$(readlink -n /proc/self/fd/7; echo .)" = "$here/$2." ] || refuse "$here/$2"',
  '  mount -n -c --bind "$1" /proc/self/fd/7 || exit 125',
  '}',
  'file() {',
  '  [ -e "./$2" ] || [ -L "./$2" ] || ( touch_new "$2" ) || refuse "$here/$2"',
  '  [ -f "./$2" ] || refuse "$here/$2"',
  '  on_file "$1" "$2" 7< "./$2" || refuse "$here/$2"',
  '}',
]

export function nestedMounts(mounts: readonly PreparedMount[], root: string): NestedMounts {
  const nested = mounts.filter((mount) => mount.nested)
  if (nested.length === 0) return { staged: [], lines: [] }
  const staged: (TableLine & { directory: boolean })[] = []
  const lines = nested.map(({ source, place, type, options, directory }, i) => {
    const parts = place.split('/')
    const last = parts.pop()!
    const down = downTo(directory ? [...parts, last] : parts)
    if (type !== 'bind')
      return `${down}; mount -n -c -t ${type} -o ${quoted(options.join(','))} ${quoted(source)} . || exit 125`
    const stage = `${root}-nested-${i}`
    if (options.length > 0)
      staged.push({ source, at: stage, type: 'none', options: ['bind', ...options].join(','), directory })
    const from = quoted(options.length > 0 ? stage : source)
    return directory ? `${down}; mount -n -c --bind ${from} . || exit 125` : `${down}; file ${from} ${quoted(last)}`
  })
  return { staged, lines: [`root=${quoted(root)}`, ...functions, ...lines] }
}

function downTo(parts: readonly string[]): string {
  return ['down', ...parts.map(quoted)].join(' ')
}

export interface ReadOnlySources {
  readonly lines: readonly TableLine[]
  /** All mounts, some of them from where the lines mount their sources. */
  readonly mounts: readonly PreparedMount[]
}

/**
 * Read-only directories, which are mounted outside the root first. crun creates the targets of all mounts before it makes any of them
 * read-only: without this, a target inside another mount would be created in the files of the store or the machine, and stay there.
 */
export function readOnlySources({ mounts, beforehand }: Prepared, root: string): ReadOnlySources {
  const lines: TableLine[] = []
  // These are read-only already, or changes to them are the step's own.
  const isBeforehand = (source: string) => beforehand.some(({ at }) => source === at || source.startsWith(`${at}/`))
  const all = mounts.map((mount, i) => {
    const { source, type, options, directory } = mount
    if (type !== 'bind' || !directory || !options.includes('ro') || isBeforehand(source)) return mount
    const at = `${root}-source-${i}`
    lines.push({ source, at, type: 'none', options: ['rbind', ...options].join(',') })
    return { ...mount, source: at }
  })
  return { lines, mounts: all }
}
