import type { TareEvent } from '../../index.ts'
import { formatExcerpt } from '../text/excerpt.ts'
import { printable } from '../text/printable.ts'

export type WarningEvent = Extract<TareEvent, { readonly type: 'warning' }>

/** Formats the findings of the build checks as docker does after a build; `debug` adds each one's URL and source lines. */
export function formatWarnings(warnings: readonly WarningEvent[], debug: boolean): string {
  if (warnings.length === 0) return ''
  const count = warnings.length === 1 ? '1 warning found' : `${warnings.length} warnings found`
  const ordered = [...warnings].sort((a, b) => Number(isLeak(b)) - Number(isLeak(a)))
  const lines = ordered.map((warning) => formatWarning(warning) + (debug ? `${details(warning)}\n` : ''))
  return `\n ${count}${debug ? '' : ' (use --debug to expand)'}:\n${lines.join('')}`
}

function formatWarning({ rule, message, where }: WarningEvent): string {
  return ` - ${rule}: ${printable(message)}${where === undefined ? '' : ` (line ${where.line})`}\n`
}

function details({ url, where }: WarningEvent): string {
  return (url === undefined ? '' : `More info: ${url}\n`) + (where === undefined ? '' : formatExcerpt(where))
}

/** Formats the output of `tare build --check`. */
export function formatCheck(warnings: readonly WarningEvent[]): string {
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

/** Whether the warning is about a secret in the image, which must not be missed. */
export function isLeak(event: TareEvent): event is WarningEvent {
  return event.type === 'warning' && event.rule === 'SecretLeaked'
}

/** Whether it is about a base image that may no longer be what its name means. */
export function isUnchecked(event: TareEvent): event is WarningEvent {
  return event.type === 'warning' && event.rule === 'BaseNotChecked'
}

/** Formats a single warning. */
export function formatLine({ rule, message }: WarningEvent): string {
  return `WARNING: ${rule}: ${printable(message)}\n`
}

const leakAdvice = `Anyone who has the image has the secret. Keep it out of files that stay.
With --secret-leak=error the build fails; --secret-leak=allow turns this warning off.
`

/** Formats the most prominent warning: a block of its own, before the image is named. */
export function formatLeak({ message, where }: WarningEvent, colored: boolean): string {
  const headline = `WARNING: SecretLeaked: ${printable(message)}`
  const shown = colored ? `\x1b[1;31m${headline}\x1b[0m` : headline
  return `${shown}\n${where === undefined ? '' : formatExcerpt(where)}${leakAdvice}`
}
