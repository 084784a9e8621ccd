/** Formats a time in the machine's zone like Go, `2026-11-23 09:40:15 +0100 CET`; `N/A` if it is invalid. */
export function goTime(created: string): string {
  const time = localTime(created)
  return time === undefined ? 'N/A' : `${time.date} ${time.clock} ${time.offset.replace(':', '')} ${time.zone}`
}

/** Formats RFC 3339 in the machine's zone, to the second. */
export function rfc3339(created: string): string {
  const time = localTime(created)
  return time === undefined ? created : `${time.date}T${time.clock}${time.offset === '+00:00' ? 'Z' : time.offset}`
}

interface LocalTime {
  readonly date: string
  readonly clock: string
  readonly offset: string
  readonly zone: string
}

function localTime(created: string): LocalTime | undefined {
  const time = new Date(created)
  if (Number.isNaN(time.getTime())) return undefined
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0')
  const minutes = -time.getTimezoneOffset()
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`
  return {
    date: `${String(time.getFullYear()).padStart(4, '0')}-${two(time.getMonth() + 1)}-${two(time.getDate())}`,
    clock: `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`,
    offset,
    get zone() {
      return zoneName(time, offset)
    },
  }
}

/** Intl knows a zone's abbreviation only in the locale of a country that uses it; otherwise the offset is printed, as Go does. */
function zoneName(time: Date, offset: string): string {
  if (offset === '+00:00' && Intl.DateTimeFormat().resolvedOptions().timeZone === 'UTC') return 'UTC'
  for (const locale of ['en-US', 'en-GB', 'en-IN', 'en-AU', 'en-ZA', 'en-NZ']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts(time)
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value
    if (name !== undefined && /^[A-Z]{2,5}$/.test(name)) return name
  }
  return offset.replace(/:(?:00)?/, '')
}
