/** Returns twelve hex digits for a name that is created exclusively: a guess gains nothing, and node:crypto takes a while to load. */
export function randomDigits(): string {
  return Math.random().toString(16).slice(2, 14).padEnd(12, '0')
}
