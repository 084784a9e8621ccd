/** An authentication challenge. (RFC 9110, section 11.3; distribution's token specification) */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer'
  readonly parameters: Readonly<Record<string, string>>
}

const word = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const next = new RegExp(`^[\\s,]*(${word})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*)))?`)

/** Parses a WWW-Authenticate header. Unknown schemes are dropped; Bearer comes first. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = []
  for (let rest = header; ; ) {
    const match = next.exec(rest)
    if (match === null || match[0] === '') break
    rest = rest.slice(match[0].length)
    const [, name, quoted, plain] = match
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain
    if (value === undefined) found.push({ scheme: name!.toLowerCase(), parameters: {} })
    else if (found.length > 0) found.at(-1)!.parameters[name!.toLowerCase()] = value
  }
  return found
    .flatMap(({ scheme, parameters }) =>
      scheme === 'basic' || scheme === 'bearer' ? [{ scheme, parameters } as const] : [],
    )
    .sort((a, b) => (a.scheme === b.scheme ? 0 : a.scheme === 'bearer' ? -1 : 1))
}
