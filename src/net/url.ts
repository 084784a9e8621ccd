/**
 * Parses an http or https URL that somebody wrote, as strictly as Docker; undefined if it is none. `URL` alone takes the x of
 * `http:///x` for the host, drops tabs and line feeds, and turns backslashes into slashes.
 */
export function parseUrl(text: string): URL | undefined {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1]
  const host = authority?.slice(authority.lastIndexOf('@') + 1) ?? ''
  if (host === '' || host.includes('%') || authority?.includes('\\') || /[\0-\x1f\x7f]/.test(text)) return undefined
  const exact = text.replace(/^[^?#]*/, (before) => before.replaceAll('\\', '%5C'))
  return URL.canParse(exact) ? new URL(exact) : undefined
}
