import type { Event } from '../../index.ts'
import { formatExcerpt } from '../text/excerpt.ts'
import { printable } from '../text/printable.ts'

export type Warning = Extract<Event, { readonly type: 'warning' }>

/** What the build checks found, as docker tells it after a build; `debug` gives each with its address and its lines. */
export function formatWarnings(warnings: readonly Warning[], debug: boolean): string {
  if (warnings.length === 0) return ''
  const count = warnings.length === 1 ? '1 warning found' : `${warnings.length} warnings found`
  const lines = warnings.map((warning) => formatWarning(warning) + (debug ? `${details(warning)}\n` : ''))
  return `\n ${count}${debug ? '' : ' (use --debug to expand)'}:\n${lines.join('')}`
}

function formatWarning({ rule, message, where }: Warning): string {
  return ` - ${rule}: ${printable(message)}${where === undefined ? '' : ` (line ${where.line})`}\n`
}

function details({ url, where }: Warning): string {
  return (url === undefined ? '' : `More info: ${url}\n`) + (where === undefined ? '' : formatExcerpt(where))
}

/** The whole of `tare build --check`. */
export function formatCheck(warnings: readonly Warning[]): string {
  const blocks = warnings.map(
    ({ rule, message, url, where }) =>
      `WARNING: ${rule}${url === undefined ? '' : ` - ${url}`}\n${printable(message)}\n${where === undefined ? '' : formatExcerpt(where)}\n`,
  )
  return blocks.join('') + `Check complete, ${verdict(warnings.length)}\n`
}

function verdict(count: number): string {
  if (count === 0) return 'no warnings found.'
  return count === 1 ? '1 warning has been found!' : `${count} warnings have been found!`
}
