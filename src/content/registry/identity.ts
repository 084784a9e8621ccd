import type { Http, RetrySettings } from '../../net/index.ts'
import { TareError } from '../../support/index.ts'
import type { Challenge, Login } from './auth/index.ts'
import type { Door } from './door.ts'
import type { Attempt } from './failure.ts'
import { basic, fetchToken, type Token } from './tokens.ts'

/** What a question is about: which rights it needs, and how an error tells of it. */
export interface Purpose {
  readonly action: string
  readonly repository?: string | undefined
  readonly actions?: 'pull' | 'pull,push' | 'delete' | undefined
  /** A second repository to read from: that of a mount. */
  readonly from?: string | undefined
  /** An identity token is wanted, too. */
  readonly lasting?: boolean | undefined
}

/** What a question is asked with. */
export interface Identity {
  /** The value of the Authorization header; undefined for nobody. */
  readonly header?: string
  /** The challenge that it meets. */
  readonly challenge?: Challenge
  readonly source?: string | undefined
  readonly granted?: string | undefined
  /** Why there are no credentials, where a helper should have had some. */
  readonly missing?: TareError | undefined
  /** For a header that can be had anew. */
  readonly forget?: () => void
}

// A token that is about to expire is of no use for an upload.
const expiryMargin = 5_000

/**
 * Who we are to one endpoint, by what that endpoint itself has asked for: at its door, or at one of its repositories.
 * Whoever calls `learn` has made sure that the endpoint said it, and nobody that it redirects to.
 */
export class Identities {
  private readonly http: Http
  private readonly retries: RetrySettings
  private readonly who: (purpose: Purpose) => Promise<Login>
  private readonly tokens = new Map<string, Promise<Token>>()
  /** What repositories have asked for, where that is not what the door asks for. */
  private readonly asked = new Map<string, Challenge>()

  constructor(http: Http, retries: RetrySettings, who: (purpose: Purpose) => Promise<Login>) {
    this.http = http
    this.retries = retries
    this.who = who
  }

  /** `door`: what the endpoint asks for before anything else. */
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

  /**
   * Takes in what the endpoint asked for when it refused a question that came with `identity`, and says with what
   * another try is worth it: `other` than before, or the same `anew`; undefined where it is not.
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

  /** The identity token that came with the token for a question; undefined where none did. */
  async identityToken(): Promise<string | undefined> {
    for (const token of this.tokens.values()) {
      const { identity } = await token
      if (identity !== undefined) return identity
    }
    return undefined
  }
}

/**
 * What may be said over plain HTTP to a name that only its addresses show to be this machine: what is kept for it. Without a port,
 * a login is one for https.
 */
function guarded(login: Login, { url, judged }: Door): Login {
  const { credentials } = login
  if (judged === undefined || credentials === undefined || credentials.plain === true || url.port !== '') return login
  const failure = new TareError(
    'CREDENTIALS_EXPOSED',
    `those from ${credentials.source} are kept for https, and ${url.host}, which is this machine, speaks http`,
    { remedy: `\`tare login http://${url.host}\` keeps a login for that.` },
  )
  return { failure }
}

/** Equal for challenges that the same token meets. */
function keyOf(challenge: Challenge, purpose: Purpose): string {
  const { realm = '', service = '' } = challenge.parameters
  return challenge.scheme === 'basic' ? 'basic' : [realm, service, ...scopesOf(purpose, challenge)].join(' ')
}

/** What we need, and what the repository says is needed: a gateway may call it by another name. */
function scopesOf({ repository, actions, from }: Purpose, { parameters }: Challenge): readonly string[] {
  if (repository === undefined || actions === undefined) return []
  const own = [`repository:${repository}:${actions}`, ...(from === undefined ? [] : [`repository:${from}:pull`])]
  const wanted = (parameters['scope'] ?? '').split(' ').filter((scope) => scope !== '' && !covers(own, scope))
  return [...own, ...wanted]
}

/** Whether scopes give what another asks for. */
function covers(own: readonly string[], scope: string): boolean {
  const parts = (text: string) => /^(.*):([^:]*)$/.exec(text) ?? []
  const [, name, actions = ''] = parts(scope)
  return own.some((each) => {
    const [, ours, has = ''] = parts(each)
    return ours === name && actions.split(',').every((action) => has.split(',').includes(action))
  })
}
