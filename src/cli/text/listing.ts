import { compileTemplate } from '../template/template.ts'
import { formatJson, Struct } from '../template/values.ts'
import { printable } from './printable.ts'
import { alignColumns } from './table.ts'

export interface ListingOptions {
  /** `table`, `table TEMPLATE`, `json` or a template. Default: `table`. */
  readonly format: string | undefined
  /** The template for `table` alone. */
  readonly table: string
  /** The table heading of each field. */
  readonly headings: Readonly<Record<string, string>>
  /** Go's name for a row, for errors. */
  readonly type: string
}

/** Whether a format is a table: the default, `table` or `table TEMPLATE`. */
export function isTable(format: string | undefined): boolean {
  const text = (format ?? '').trim()
  return text === '' || text === 'table' || text.startsWith('table ')
}

/** A row: its fields in JSON order (docker: sorted by name). */
export type Row = Readonly<Record<string, string>>

/** Formats a list as requested by `--format`. Throws a TemplateError. */
export function formatListing(rows: readonly Row[], options: ListingOptions): string {
  const format = (options.format ?? '').trim()
  if (format === 'json') return rows.map((row) => `${formatJson(new Struct(options.type, row))}\n`).join('')
  const table = isTable(format)
  const source = table ? format.slice('table'.length).trim() || options.table : format
  const template = compileTemplate(source.replaceAll('\\t', '\t').replaceAll('\\n', '\n'))
  // Rows first, so that an error in them is reported without a header above it. A cell must not break its table or control the
  // terminal; templates and JSON get the value as it is.
  const shown = table ? rows.map(printableRow) : rows
  const body = shown.map((row) => `${template.fill(new Struct(options.type, row))}\n`).join('')
  if (!table) return body
  const header = template.fillHeader(new Map(Object.entries(options.headings)))
  return alignColumns(`${header}\n${body}`)
}

/** Cells are computed when a template needs them: some cost more than the rest of the table. */
function printableRow(row: Row): Row {
  const cells = Object.keys(row).map((key) => {
    const get = () => printable(row[key]!.replaceAll('\t', ' '))
    return [key, { get, enumerable: true }] as const
  })
  return Object.defineProperties({}, Object.fromEntries(cells))
}
