import { print, printData, type Streams } from './streams.ts'
import { formatListing, isTable, type ListingOptions, type Row } from './text/listing.ts'

/** Prints a list in the form requested by `--format`: a table, or something for programs. */
export function printListing(streams: Streams, rows: readonly Row[], options: ListingOptions): Promise<void> {
  const text = formatListing(rows, options)
  return isTable(options.format) ? print(streams, text) : printData(streams, text, formOf(options.format))
}

/** Returns whether a format prints JSON; a template may call `json`. */
export function formOf(format: string | undefined): 'text' | 'json' {
  return /\bjson\b/.test(format ?? '') ? 'json' : 'text'
}
