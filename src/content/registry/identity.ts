import type { Http, RetrySettings } from '../../net/index.ts'
import { TareError } from '../../support/index.ts'
import type { Challenge, Login } from './auth/index.ts'
import type { Door } from './door.ts'
import type { Attempt } from './failure.ts'
import { type BearerToken, basic, fetchToken } from './tokens.ts'

/** What a request is for: the rights it needs, and how to describe it in errors. */
export interface Purpose {
  readonly action: string
  readonly repository?: string | undefined
  readonly actions?: 'pull' | 'pull,push' | 'delete' | undefined
  /** A second repository to read from, for a cross-repository mount. */
  readonly from?: string | undefined
  /** Also request an identity token. */
  readonly lasting?: boolean | undefined
}

/** How somebody else can be let in with our login. */
export type Delegation =
  /** Tokens for the rights that are needed; the password is not part of them. */
  | {
      readonly kind: 'token'
      readonly user: string
      readonly token: (scopes: readonly string[]) => Promise<BearerToken>
    }
  /** The login itself: the registry knows no other way. */
  | { readonly kind: 'password'; readonly user: string; readonly password: string }

/** The authentication of a request. */
export interface Identity {
  /** The Authorization header; undefined for anonymous requests. */
  readonly header?: string
  /** The challenge it answers. */
  readonly challenge?: Challenge
  readonly source?: string | undefined
  readonly granted?: string | undefined
  /** Why there are no credentials, if a helper should have provided some. */
  readonly missing?: TareError | undefined
  /** Discards the header, if a new one can be obtained. */
  readonly forget?: () => void
}

// A token about to expire is useless for an upload.
const expiryMargin = 5_000

/**
 * Our authentication for one endpoint, as requested by the endpoint itself at `/v2/` or at a repository. Callers of `learn` must
 * make sure that a challenge came from the endpoint and not from a redirect target.
 */
export class Identities {
  private readonly http: Http
  private readonly retries: RetrySettings
  private readonly who: (purpose: Purpose) => Promise<Login>
  private readonly tokens = new Map<string, Promise<BearerToken>>()
  /** Challenges of repositories that differ from the endpoint's. */
  private readonly asked = new Map<string, Challenge>()

  constructor(http: Http, retries: RetrySettings, who: (purpose: Purpose) => Promise<Login>) {
    this.http = http
    this.retries = retries
    this.who = who
  }

  /** `door` holds the endpoint's own challenge. */
  async identify(door: Door, purpose: Purpose, attempt: Attempt): Promise<Identity> {
    const challenge = this.asked.get(purpose.repository ?? '') ?? door.challenge
    if (challenge === undefined) return {}
    const { credentials, failure } = guarded(await this.who(purpose), door)
    const source = credentials?.source
    const missing = credentials === undefined ? failure : undefined
    if (credentials?.registryToken !== undefined)
      return { header: `Bearer ${credentials.registryToken}`, challenge, source }
    if (challenge.scheme === 'basic')
      return credentials?.user === undefined
        ? { challenge, missing }
        : { header: basic(credentials), challenge, source }
    const key = keyOf(challenge, purpose)
    const known = await this.tokens.get(key)
    if (known === undefined || known.expires - expiryMargin < Date.now()) {
      const from = { http: this.http, retries: this.retries, registry: door.url, challenge }
      const about = { ...attempt, credentials: source, missing }
      const token = fetchToken(from, scopesOf(purpose, challenge), credentials, about, purpose.lasting)
      this.tokens.set(key, token)
      token.catch(() => this.tokens.delete(key))
    }
    const token = (await this.tokens.get(key))!
    const forget = () => this.tokens.delete(key)
    return { header: `Bearer ${token.text}`, challenge, source, missing, granted: token.granted, forget }
  }

  /** Returns how somebody else can be let in with our login; undefined if we have none, or none is asked for. */
  async delegate(door: Door, purpose: Purpose, attempt: Attempt): Promise<Delegation | undefined> {
    const { challenge } = door
    if (challenge === undefined) return undefined
    const { credentials } = guarded(await this.who(purpose), door)
    if (credentials === undefined) return undefined
    const { user = '', password = '', registryToken, source } = credentials
    if (registryToken !== undefined) return undefined
    if (challenge.scheme === 'basic') return user === '' ? undefined : { kind: 'password', user, password }
    const from = { http: this.http, retries: this.retries, registry: door.url, challenge }
    const token = (scopes: readonly string[]) =>
      fetchToken(from, scopes, credentials, { ...attempt, credentials: source })
    return { kind: 'token', user, token }
  }

  /**
   * Records the challenge of a response that refused `identity`. Returns whether to retry with an `other` identity or the same
   * one `anew`; undefined if a retry is pointless.
   */
  async learn(
    purpose: Purpose,
    identity: Identity,
    [challenge]: readonly Challenge[],
  ): Promise<'other' | 'anew' | undefined> {
    if (challenge === undefined) return undefined
    if (identity.challenge === undefined || keyOf(challenge, purpose) !== keyOf(identity.challenge, purpose)) {
      this.asked.set(purpose.repository ?? '', challenge)
      return challenge.scheme === 'bearer' || (await this.who(purpose)).credentials?.user !== undefined
        ? 'other'
        : undefined
    }
    identity.forget?.()
    return identity.forget === undefined ? undefined : 'anew'
  }

  /** Returns the identity token that came with the token for a request, if any. */
  async identityToken(): Promise<string | undefined> {
    for (const token of this.tokens.values()) {
      const { identity } = await token
      if (identity !== undefined) return identity
    }
    return undefined
  }
}

/**
 * Limits what is sent over plain HTTP to a name that turned out to be this machine: only logins stored for http. Without a port,
 * a login is for https.
 */
function guarded(login: Login, { url, judged }: Door): Login {
  const { credentials } = login
  if (judged === undefined || credentials === undefined || credentials.plain === true || url.port !== '') return login
  const failure = new TareError(
    'CREDENTIALS_EXPOSED',
    `those from ${credentials.source} are stored for https, but ${url.host}, which is this machine, speaks http`,
    { remedy: `\`tare login http://${url.host}\` stores a login for http.` },
  )
  return { failure }
}

/** Challenges with equal keys can be answered with the same token. */
function keyOf(challenge: Challenge, purpose: Purpose): string {
  const { realm = '', service = '' } = challenge.parameters
  return challenge.scheme === 'basic' ? 'basic' : [realm, service, ...scopesOf(purpose, challenge)].join(' ')
}

/** Returns the scopes we need, and those the repository asks for: a gateway may use another name. */
function scopesOf({ repository, actions, from }: Purpose, { parameters }: Challenge): readonly string[] {
  if (repository === undefined || actions === undefined) return []
  const own = [`repository:${repository}:${actions}`, ...(from === undefined ? [] : [`repository:${from}:pull`])]
  const wanted = (parameters['scope'] ?? '').split(' ').filter((scope) => scope !== '' && !covers(own, scope))
  return [...own, ...wanted]
}

/** Whether these scopes include another one. */
function covers(own: readonly string[], scope: string): boolean {
  const parts = (text: string) => /^(.*):([^:]*)$/.exec(text) ?? []
  const [, name, actions = ''] = parts(scope)
  return own.some((each) => {
    const [, ours, has = ''] = parts(each)
    return ours === name && actions.split(',').every((action) => has.split(',').includes(action))
  })
}
