import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../machine/index.ts'

/** A mount, as a line of fstab(5). Paths are absolute; `at` is below the step's root. */
export interface TableLine {
  readonly source: string
  readonly at: string
  readonly type: string
  readonly options: string
}

export function tableText(lines: readonly TableLine[]): string {
  return lines
    .map(({ source, at, type, options }) => `${escaped(source)} ${escaped(at)} ${type} ${options} 0 0\n`)
    .join('')
}

/** (fstab(5): spaces and the like are written as octal numbers) */
function escaped(path: string): string {
  return path.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

export interface RootMount {
  /** The step's own. */
  readonly folder: string
  readonly root: string
  /** Options of the overlay. */
  readonly overlay: string
  /** The filesystem as a copy, if overlays are not available. */
  readonly copy: string | undefined
  readonly flags: readonly string[]
  /** Mounts that the step can do without. */
  readonly optional: readonly TableLine[]
  /** Mounts outside the root. */
  readonly sources: readonly TableLine[]
}

/** Returns lines of the outer script that mount the root and the sources. */
export function mountRoot({ folder, root, overlay, copy, flags, optional, sources }: RootMount): string[] {
  const [table, others] = [join(folder, 'table'), join(folder, 'sources')]
  if (sources.length > 0) writeFileSync(others, tableText(sources))
  const andOthers = sources.length === 0 ? '' : ` -T ${quoted(others)}`
  const mountOthers = andOthers === '' ? [] : [`mount -n -a${andOthers} || exit`]
  if (copy !== undefined)
    return [`mount -n -o ${['bind', ...flags].join(',')} ${quoted(copy)} ${quoted(root)} || exit`, ...mountOthers]
  // Nothing in it must survive a crash, so the kernel need not wait for the disk at the end.
  const options = [...flags, overlay].join(',')
  const lines = [{ source: 'overlay', at: root, type: 'overlay', options: `${options},volatile` }]
  writeFileSync(table, tableText([...lines, ...optional]))
  return [
    `mount -n -a -T ${quoted(table)}${andOthers} 2>/dev/null; mounted=$?`,
    // Every filesystem has a /proc by now; older kernels do not know the option.
    `[ -d ${quoted(`${root}/proc`)} ] || mount -n -t overlay -o ${quoted(options)} overlay ${quoted(root)} || exit`,
    ...mountOthers.map((line) => `[ $mounted = 0 ] || ${line}`),
  ]
}
