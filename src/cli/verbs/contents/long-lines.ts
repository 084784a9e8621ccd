import type { ListedFile } from '../../../index.ts'
import { printable } from '../../text/printable.ts'

const letters: Readonly<Record<ListedFile['type'], string>> = {
  ...{ file: '-', directory: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p' },
  ...{ hardlink: 'h', removed: 'x', opaque: 'o' },
}

/** `-rwxr-sr-t` */
export function modeText({ type, mode }: Pick<ListedFile, 'type' | 'mode'>): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => ((mode >> (8 - i)) & 1 ? letter : '-'))
  const special = (at: number, bit: number, letter: string) => {
    if (mode & bit) bits[at] = bits[at] === 'x' ? letter : letter.toUpperCase()
  }
  special(2, 0o4000, 's')
  special(5, 0o2000, 's')
  special(8, 0o1000, 't')
  return letters[type] + bits.join('')
}

/** A line for each, as `ls -l` has them, and the layer. */
export function longLines(found: readonly ListedFile[]): string {
  const rows = found.map((file) => [
    ...[modeText(file), `${file.uid}:${file.gid}`, sizeText(file)],
    ...[file.modified.replace(/(?:\.\d+)?Z$/, '').replace('T', ' '), String(file.layer ?? '-')],
  ])
  const heading = ['MODE', 'OWNER', 'SIZE', 'MODIFIED (UTC)', 'LAYER']
  const widths = heading.map((text, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]!.length), text.length),
  )
  const line = (cells: readonly string[], path: string) => {
    const padded = cells.map((cell, i) => (i === 2 || i === 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
    return `${padded.join('  ')}  ${path}\n`
  }
  return [line(heading, 'PATH'), ...rows.map((row, i) => line(row, namedWith(found[i]!)))].join('')
}

function sizeText({ type, size, device }: ListedFile): string {
  if (device !== undefined) return `${device[0]},${device[1]}`
  return type === 'file' ? String(size) : '-'
}

/** A path with what it leads to. */
export function namedWith({ path, type, target }: Pick<ListedFile, 'path' | 'type' | 'target'>): string {
  const arrow = type === 'hardlink' ? ' link to ' : ' -> '
  return `${printable(path)}${target === undefined ? '' : `${arrow}${printable(target)}`}`
}
