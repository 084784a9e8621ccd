import type { SourceRange } from '../../index.ts'
import { printable, printableLines } from './printable.ts'

const around = 2

/**
 * Formats the lines of a source with two more on each side, like BuildKit:
 *
 *     Dockerfile:2
 *     --------------------
 *        1 |     FROM scratch
 *        2 | >>> ADD rootfs.tgz /
 *     --------------------
 */
export function formatExcerpt(where: SourceRange): string {
  const place = `${printable(where.file)}:${where.line}`
  const lines = where.text.replace(/\r?\n$/, '').split(/\r?\n/)
  if (where.line < 1 || where.line > lines.length) return `${place}\n`
  const end = Math.min(Math.max(where.endLine, where.line), lines.length)
  const first = Math.max(1, where.line - around)
  const shown = lines.slice(first - 1, Math.min(lines.length, end + around)).map((text, i) => {
    const line = first + i
    const mark = line >= where.line && line <= end ? '>>>' : '   '
    return ` ${String(line).padStart(3)} | ${mark} ${printableLines(text)}\n`
  })
  const rule = '-'.repeat(20)
  return `${place}\n${rule}\n${shown.join('')}${rule}\n`
}
