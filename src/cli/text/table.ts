const minimumWidth = 10
const gap = 3

/**
 * Aligns tab-separated cells in columns: at least ten wide, three blanks apart, and nothing after a line's last cell. As in Go's
 * tabwriter, a column ends at the first line without it.
 */
export function alignColumns(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const widths = lines.map((): number[] => [])
  const columns = lines.reduce((most, line) => Math.max(most, line.length), 0)
  for (let column = 0; column < columns - 1; column++) {
    for (let start = 0; start < lines.length; ) {
      let end = start
      let width = minimumWidth
      for (; end < lines.length && lines[end]!.length - 1 > column; end++)
        width = Math.max(width, [...lines[end]![column]!].length + gap)
      for (let i = start; i < end; i++) widths[i]![column] = width
      start = Math.max(end, start + 1)
    }
  }
  return lines
    .map((line, i) => line.map((cell, column) => cell + ' '.repeat(missing(cell, widths[i]![column]))).join(''))
    .join('\n')
}

function missing(cell: string, width: number | undefined): number {
  return width === undefined ? 0 : width - [...cell].length
}
