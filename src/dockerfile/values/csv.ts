/**
 * Parses one line of comma-separated values. Fields in double quotes may contain commas, and `""` for a quote. Throws a plain
 * Error.
 */
export function readCsvFields(line: string): string[] {
  if (line === '') throw new Error('EOF')
  const fields: string[] = []
  let at = 0
  for (;;) {
    const quoted = line[at] === '"'
    const end = quoted ? endOfQuoted(line, at) : endOfBare(line, at)
    const field = line.slice(at, end)
    fields.push(quoted ? field.slice(1, -1).replaceAll('""', '"') : field)
    if (end === line.length) return fields
    at = end + 1
  }
}

function endOfBare(line: string, from: number): number {
  const comma = line.indexOf(',', from)
  const end = comma < 0 ? line.length : comma
  const quote = line.indexOf('"', from)
  if (quote >= 0 && quote < end)
    throw new Error(`parse error on line 1, column ${quote + 1}: bare " in non-quoted-field`)
  return end
}

function endOfQuoted(line: string, from: number): number {
  for (let at = from + 1; ; at += 2) {
    at = line.indexOf('"', at)
    if (at >= 0 && line[at + 1] === '"') continue
    if (at >= 0 && (at + 1 === line.length || line[at + 1] === ',')) return at + 1
    const column = (at < 0 ? line.length : at) + 1
    throw new Error(`parse error on line 1, column ${column}: extraneous or missing " in quoted-field`)
  }
}
