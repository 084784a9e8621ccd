import {
  discard,
  type Http,
  type HttpResponse,
  isPassing,
  persist,
  type RetrySettings,
  readRetryAfter,
  TryAgain,
} from '../../net/index.ts'
import { TareError } from '../../support/index.ts'
import type { Challenge, Credentials } from './auth/index.ts'
import { type Attempt, nonsense, refused, unreachable, wordsOf } from './failure.ts'

export interface BearerToken {
  readonly text: string
  /** Milliseconds since 1970. */
  readonly expires: number
  /** The actions listed in the token itself, for messages. */
  readonly granted?: string | undefined
  /** An identity token to be used instead of the password, if requested and supported. */
  readonly identity?: string | undefined
}

const clientId = 'tare'
const shortestLife = 60
const mostBytes = 1 << 20

/** Who requests tokens, and where. */
export interface TokenSource {
  readonly http: Http
  readonly retries: RetrySettings
  /** The registry that named the realm. */
  readonly registry: URL
  readonly challenge: Challenge
}

/**
 * Gets a token from the server named in a Bearer challenge. (distribution: "Token Authentication Specification" and "OAuth2 Token
 * Authentication") `lasting` also requests an identity token. Rejects with `REGISTRY_DENIED`, with `CREDENTIALS_EXPOSED` if the
 * password would be sent unencrypted, and with the other errors of `failure.ts`.
 */
export async function fetchToken(
  { http, retries, registry, challenge }: TokenSource,
  scopes: readonly string[],
  credentials: Credentials | undefined,
  attempt: Attempt,
  lasting = false,
): Promise<BearerToken> {
  const { realm, service } = challenge.parameters
  const url = realmOf(realm, attempt)
  if (registry.protocol === 'https:' && url.protocol === 'http:' && credentials !== undefined)
    throw exposed(attempt, url)
  const about: Attempt = url.host === attempt.host ? attempt : { ...attempt, via: { host: url.host, what: 'tokens' } }
  const response = await persist(retries, async () => {
    const answer =
      credentials?.identityToken === undefined
        ? await askByGet(http, url, service, scopes, credentials, lasting)
        : await askByPost(http, url, service, scopes, {
            grant_type: 'refresh_token',
            refresh_token: credentials.identityToken,
          })
    if (!isPassing(answer.status)) return answer
    const after = answer.headers['retry-after']
    throw new TryAgain(refused(about, answer.status, await wordsOf(answer), after), readRetryAfter(after, Date.now()))
  }).catch((error: unknown) => {
    throw retries.signal?.aborted ? error : unreachable(about, error)
  })
  if (response.status !== 200) throw refused(about, response.status, await wordsOf(response))
  return readToken(await bodyText(response, about), about)
}

function realmOf(realm: string | undefined, attempt: Attempt): URL {
  if (realm !== undefined && URL.canParse(realm)) {
    const url = new URL(realm)
    if (url.protocol === 'https:' || url.protocol === 'http:') return url
  }
  throw nonsense(attempt, 'requires a token, but does not say where to get one')
}

function exposed({ action, host }: Attempt, { origin }: URL): TareError {
  return new TareError(
    'CREDENTIALS_EXPOSED',
    `cannot ${action}: ${host} uses https, but wants the password sent to its token server ${origin} by plain http`,
    { remedy: 'Nothing was sent. The registry’s operator has to configure its token server (the realm) with https.' },
  )
}

async function askByGet(
  http: Http,
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
  lasting: boolean,
): Promise<HttpResponse> {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credentials?.user === undefined) return http.send({ method: 'GET', url })
  url.searchParams.set('account', credentials.user)
  if (lasting) {
    url.searchParams.set('client_id', clientId)
    url.searchParams.set('offline_token', 'true')
  }
  const response = await http.send({ method: 'GET', url, headers: { Authorization: basic(credentials) } })
  if (response.status !== 404 && response.status !== 405) return response
  // Some servers support only OAuth2.
  discard(response)
  const { user, password = '' } = credentials
  const access = lasting ? { access_type: 'offline' } : {}
  return askByPost(http, realm, service, scopes, { grant_type: 'password', username: user, password, ...access })
}

function askByPost(
  http: Http,
  url: URL,
  service: string | undefined,
  scopes: readonly string[],
  grant: Readonly<Record<string, string>>,
): Promise<HttpResponse> {
  const form = new URLSearchParams({ ...grant, client_id: clientId })
  if (service !== undefined) form.set('service', service)
  if (scopes.length > 0) form.set('scope', scopes.join(' '))
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  // The form contains the password or the identity token.
  return http.send({ method: 'POST', url, headers, body: Buffer.from(form.toString()), confined: true })
}

/** Returns the header value for a user and a password. */
export function basic({ user = '', password = '' }: Pick<Credentials, 'user' | 'password'>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

async function bodyText({ body }: HttpResponse, attempt: Attempt): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > mostBytes) throw nonsense(attempt, 'sent a token of more than 1 MiB')
  }
  return Buffer.concat(chunks).toString('utf8')
}

function readToken(text: string, attempt: Attempt): BearerToken {
  let raw: Record<string, unknown>
  try {
    raw = JSON.parse(text) as Record<string, unknown>
  } catch {
    throw nonsense(attempt, 'sent something that is not a token')
  }
  const token = raw?.['token'] || raw?.['access_token']
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw nonsense(attempt, 'answers without a token')
  const life = Number(raw['expires_in']) > 0 ? Number(raw['expires_in']) : shortestLife
  const { refresh_token: refresh } = raw
  return {
    text: token,
    expires: Date.now() + life * 1000,
    granted: grantedBy(token, attempt.repository),
    ...(typeof refresh === 'string' && refresh !== '' ? { identity: refresh } : {}),
  }
}

/** Returns what a JWT allows on the repository; undefined if it does not say. Only for messages, so it is not verified. */
function grantedBy(token: string, repository: string | undefined): string | undefined {
  try {
    const { access } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      access?: { type?: string; name?: string; actions?: string[] | null }[] | null
    }
    if (access === undefined) return undefined
    const ours = (access ?? []).filter(({ type, name }) => type === 'repository' && name === repository)
    return [...new Set(ours.flatMap(({ actions }) => actions ?? []))].join(',')
  } catch {
    return undefined
  }
}
