import { significant } from '../template/printf.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB']

/**
 * Formats a size like docker: decimal units and a number of significant digits, `7.69MB`. If rounding reaches a thousand, the
 * next unit is used: `1MB` instead of docker's `1e+03kB`.
 */
export function humanSize(bytes: number, digits = 4): string {
  let size = bytes
  let unit = 0
  while (unit < units.length - 1 && Number(size.toPrecision(digits)) >= 1000) {
    size /= 1000
    unit += 1
  }
  return significant(size, digits) + units[unit]
}

/** Formats a duration (milliseconds) in docker's words: `About a minute`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.trunc(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`
  return `${Math.trunc(Math.trunc(milliseconds / 3_600_000) / 24 / 365)} years`
}

/** Formats `2 minutes ago`; `N/A` for an invalid time. */
export function humanAge(created: string, now: number): string {
  const then = Date.parse(created)
  // Go's zero time means none.
  return Number.isNaN(then) || created.startsWith('0001-01-01') ? 'N/A' : `${humanDuration(now - then)} ago`
}
