const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `7.39 MB`: three digits, as docker shows sizes. */
export function sizeText(bytes: number): string {
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${bytes < 0 ? '−' : ''}${value.toFixed(digits)}\u202f${units[unit]}`
}

/** The same with its sign; empty for none. */
export function differenceText(bytes: number): string {
  return bytes === 0 ? '' : `${bytes > 0 ? '+' : ''}${sizeText(bytes)}`
}

/** `12,345`. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** `1 file`, `3 files`. */
export function countOf(count: number, what: string): string {
  return `${countText(count)} ${what}${count === 1 ? '' : 's'}`
}

/** `100 %`, `99.8 %`. */
export function percentText(share: number): string {
  const percent = Math.floor(share * 1000) / 10
  return `${percent === 100 ? '100' : percent.toFixed(1)}\u202f%`
}

/** `rwxr-xr-x`, with `s` and `t` as `ls -l` has them. */
export function modeText(mode: number): string {
  return [6, 3, 0]
    .map((shift, i) => {
      const bits = (mode >> shift) & 7
      const special = (mode & [0o4000, 0o2000, 0o1000][i]!) !== 0
      const letter = i === 2 ? 't' : 's'
      const last = special ? ((bits & 1) !== 0 ? letter : letter.toUpperCase()) : (bits & 1) !== 0 ? 'x' : '-'
      return `${(bits & 4) !== 0 ? 'r' : '-'}${(bits & 2) !== 0 ? 'w' : '-'}${last}`
    })
    .join('')
}

/** `2026-11-26 14:32:29` of seconds since 1970. */
export function secondsText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? `@${seconds}` : date.toISOString().slice(0, 19).replace('T', ' ')
}

/** The same of RFC 3339. */
export function timeText(time: string): string {
  return time.slice(0, 19).replace('T', ' ')
}
