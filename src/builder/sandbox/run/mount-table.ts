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
