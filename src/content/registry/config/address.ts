import { misconfigured } from './toml.ts'

/** A registry's API endpoint from a configuration file. */
export interface Address {
  /** `host[:port]`. */
  readonly host: string
  /** Whether the URL says http. */
  readonly plain: boolean
  /** The API's path: `/v2`, `/hub/v2`. */
  readonly api: string
}

/**
 * Parses a URL whose path is the API's path, with or without a final `/v2`. Throws `REGISTRIES_INVALID`; `member` says where it
 * was found.
 */
export function addressOf(
  text: unknown,
  path: string,
  member: string,
  says: 'before' | 'with' | 'whole' = 'before',
): Address {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.host === '')
    throw misconfigured(
      path,
      undefined,
      `${JSON.stringify(text)} in ${member} is not a URL such as https://mirror.example`,
    )
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw misconfigured(
      path,
      undefined,
      `the address of ${url.host} in ${member} has more than a host, a port and a path`,
    )
  const before = url.pathname.replace(/\/+$/, '')
  if (says === 'with')
    return { host: url.host, plain: url.protocol === 'http:', api: `${before.replace(/\/v2$/, '')}/v2` }
  return { host: url.host, plain: url.protocol === 'http:', api: says === 'whole' ? before : `${before}/v2` }
}
