import type { SourceRange } from '../../index.ts'

const around = 2

/**
 * The lines of a source with two more on each side, as BuildKit shows them:
 *
 *     Dockerfile:2
 *     --------------------
 *        1 |     FROM scratch
 *        2 | >>> ADD rootfs.tgz /
 *     --------------------
 */
export function formatExcerpt(where: SourceRange): string {
  const lines = where.text.replace(/\r?\n$/, '').split(/\r?\n/)
  if (where.line < 1 || where.line > lines.length) return `${where.file}:${where.line}\n`
  const end = Math.min(Math.max(where.endLine, where.line), lines.length)
  const first = Math.max(1, where.line - around)
  const shown = lines.slice(first - 1, Math.min(lines.length, end + around)).map((text, i) => {
    const line = first + i
    const mark = line >= where.line && line <= end ? '>>>' : '   '
    return ` ${String(line).padStart(3)} | ${mark} ${visible(text)}\n`
  })
  const rule = '-'.repeat(20)
  return `${where.file}:${where.line}\n${rule}\n${shown.join('')}${rule}\n`
}

/** Text from elsewhere may not steer the terminal: control characters other than the tab become visible. */
export function visible(text: string): string {
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, (character) =>
    character < ' ' ? String.fromCharCode(0x2400 + character.charCodeAt(0)) : '\ufffd',
  )
}
