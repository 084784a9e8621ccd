import { compileTemplate } from '../template/template.ts'
import { formatJson, Struct } from '../template/values.ts'
import { visible } from './excerpt.ts'
import { alignColumns } from './table.ts'

export interface ListingOptions {
  /** `table`, `table TEMPLATE`, `json` or a template; undefined is `table`. */
  readonly format: string | undefined
  /** The template of `table` alone. */
  readonly table: string
  /** What a table calls each field. */
  readonly headings: Readonly<Record<string, string>>
  /** Go's name for a row: for errors. */
  readonly type: string
}

/** One row: its fields in the order in which JSON shows them (docker: by name). */
export type Row = Readonly<Record<string, string>>

/** A list in the form that `--format` asks for. Throws a TemplateError. */
export function formatListing(rows: readonly Row[], options: ListingOptions): string {
  const format = (options.format ?? '').trim()
  if (format === 'json') return rows.map((row) => `${formatJson(new Struct(options.type, row))}\n`).join('')
  const isTable = format === '' || format === 'table' || format.startsWith('table ')
  const source = isTable ? format.slice('table'.length).trim() || options.table : format
  const template = compileTemplate(source.replaceAll('\\t', '\t').replaceAll('\\n', '\n'))
  // The rows come first: what does not fit them is then told without a header above it.
  // A cell may not break its table, nor steer the terminal; who asks for a template or JSON gets the value as it is.
  const shown = isTable ? rows.map(visibleRow) : rows
  const body = shown.map((row) => `${template.fill(new Struct(options.type, row))}\n`).join('')
  if (!isTable) return body
  const header = template.fillHeader(new Map(Object.entries(options.headings)))
  return alignColumns(`${header}\n${body}`)
}

function visibleRow(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, visible(value)]))
}
