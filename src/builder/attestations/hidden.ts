const mask = 'xxxxx'
const sensitive = /token|sig|secret|passw|key|auth|credential/i

/** Returns the address without user, password, and the values of parameters that look like keys. */
export function publicAddress(address: string): string {
  return address
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#\s]*@)/i, (whole, scheme: string) =>
      /^(?:ssh|git\+ssh):/i.test(scheme) && !/:[^/]*@/.test(whole.slice(scheme.length)) ? whole : scheme,
    )
    .replace(/([?&])([^=&#\s]+)=([^&#\s]*)/g, (whole, sign: string, name: string) =>
      sensitive.test(name) ? `${sign}${name}=${mask}` : whole,
    )
}

/** Returns the value with secrets masked in all its texts, and credentials removed from all addresses in them. */
export function hidden<T>(value: T, secrets: readonly string[]): T {
  return clean(
    value,
    [...new Set(secrets)].sort((a, b) => b.length - a.length),
  ) as T
}

function clean(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return cleanText(value, secrets)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => clean(item, secrets))
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [cleanText(key, secrets), clean(member, secrets)]),
  )
}

function cleanText(text: string, secrets: readonly string[]): string {
  const addressed = text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`<>]+/gi, publicAddress)
  return secrets.reduce((all, secret) => all.replaceAll(secret, '***'), addressed)
}
