import type { OutgoingHttpHeaders } from 'node:http'
import {
  discard,
  type Http,
  type HttpRequest,
  type HttpResponse,
  isPassing,
  isSameEndpoint,
  persist,
  RedirectFailure,
  type RetrySettings,
  readRetryAfter,
  TryAgain,
} from '../../net/index.ts'
import { TareError } from '../../support/index.ts'
import type { Login } from './auth/index.ts'
import { challengesOf, type Door, findDoor } from './door.ts'
import { type Attempt, RefusedStatus, refused, unreachable, wordsOf } from './failure.ts'
import { type Delegation, Identities, type Identity, type Purpose } from './identity.ts'

export type RegistryRequest = Omit<HttpRequest, 'url' | 'body' | 'headers'> & {
  /** Relative to the registry (`/v2/…`), or a URL it sent us to. */
  readonly path: string | URL
  readonly headers?: OutgoingHttpHeaders | undefined
  /** Called for each attempt. Errors while reading the body are not the registry's, and are not retried. */
  readonly body?: (() => HttpRequest['body']) | undefined
}

// Anonymously, as the repository asks, and with a new token.
const mostTurns = 4

/** Sends requests to a registry, with the right scheme, authentication and retries. */
export class Connection {
  /** The host it connects to. */
  readonly host: string
  private readonly registry: string
  readonly retries: RetrySettings
  /** Milliseconds; see HttpSettings. */
  readonly idleTimeout: number
  private readonly http: Http
  private readonly insecure: boolean
  private readonly plain: boolean
  private readonly api: string
  private readonly namespace: string | undefined
  private readonly identities: Identities
  private base: Promise<Door> | undefined

  constructor(
    host: string,
    http: Http,
    retries: RetrySettings,
    options: {
      readonly insecure: boolean
      /** Use http only. */
      readonly plain?: boolean | undefined
      /** The API's path. Default: `/v2`. */
      readonly api?: string | undefined
      /** Tells a mirror of several registries which one is meant. */
      readonly namespace?: string | undefined
      readonly credentials: (purpose: Purpose) => Promise<Login>
    },
  ) {
    this.registry = host
    // Docker Hub's API has another host name.
    this.host = host === 'docker.io' ? 'registry-1.docker.io' : host
    this.http = http
    this.idleTimeout = http.idleTimeout
    this.retries = retries
    this.insecure = options.insecure
    this.plain = options.plain === true
    this.api = options.api ?? '/v2'
    this.namespace = options.namespace
    this.identities = new Identities(http, retries, options.credentials)
  }

  /**
   * Returns the response if its status is one of `expected`; throws for others, after retrying where that may help and renewing a
   * rejected token.
   */
  ask(question: RegistryRequest, purpose: Purpose, expected: readonly number[]): Promise<HttpResponse> {
    return this.askFor(question, purpose, expected, this.retries)
  }

  /** The same without retries, for a body that can be read only once; a rejected token is an error too. */
  askOnce(question: RegistryRequest, purpose: Purpose, expected: readonly number[]): Promise<HttpResponse> {
    return this.askFor(question, purpose, expected, { ...this.retries, attempts: 1 })
  }

  /**
   * The same for a request that only saves work: returns undefined if it is refused in any way, except for missing authentication
   * (401). For an `errand` that can be done differently, even that counts as a refusal.
   */
  async askOptional(
    question: RegistryRequest,
    purpose: Purpose,
    expected: readonly number[],
    errand = false,
  ): Promise<HttpResponse | undefined> {
    // An unreachable server is not a refusal.
    await this.ping(purpose)
    try {
      return await this.askFor(question, purpose, expected, { ...this.retries, attempts: 1 }, true)
    } catch (error) {
      if (!(error instanceof TareError) || !error.code.startsWith('REGISTRY_')) throw error
      const { cause } = error
      const isFinal = cause instanceof RefusedStatus && (cause.by === 'tokens' || is401(cause))
      if (isFinal && !errand) throw error
      return undefined
    }
  }

  private async askFor(
    question: RegistryRequest,
    purpose: Purpose,
    expected: readonly number[],
    retries: RetrySettings,
    silent = false,
  ): Promise<HttpResponse> {
    const door = await this.ping(purpose)
    const { url } = door
    const attempt = this.attempt(purpose)
    let renewed = false
    try {
      return await persist(retries, async () => {
        for (let turn = 1; ; turn++) {
          const identity = await this.identities.identify(door, purpose, attempt)
          const response = await this.sendOnce(question, url, identity.header)
          if (expected.includes(response.status)) return response
          // A challenge by the repository takes precedence over the one at `/v2/`; one by another host is ignored.
          if (response.status === 401 && turn < mostTurns && isSameEndpoint(response.url, url)) {
            const worth = await this.identities.learn(purpose, identity, challengesOf(response))
            if (worth === 'other' || (worth === 'anew' && !renewed)) {
              renewed ||= worth === 'anew'
              discard(response)
              if (question.body === undefined || retries.attempts > 1) continue
              throw new TokenExpired()
            }
          }
          const { source: credentials, granted, missing } = identity
          const about = { ...attempt, credentials, granted, missing, proxy: response.proxy, via: viaOf(response, url) }
          const after = response.headers['retry-after']
          const quiet = silent && response.status !== 401
          if (quiet) discard(response)
          const words = quiet ? '' : await this.wordsFor(question, response, url, identity)
          const error = refused(about, response.status, words, after)
          throw isPassing(response.status) ? new TryAgain(error, readRetryAfter(after, Date.now())) : error
        }
      })
    } catch (error) {
      throw this.explain(error, purpose)
    }
  }

  /** Checks that a registry is there, and what authentication it asks for. Sent once. */
  ping(purpose: Purpose): Promise<Door> {
    this.base ??= this.findDoor(purpose).catch((error: unknown) => {
      this.base = undefined
      throw this.explain(error, purpose)
    })
    return this.base
  }

  /** Returns how somebody else can be let in here with our login; undefined if we have none, or none is asked for. */
  async delegate(purpose: Purpose): Promise<Delegation | undefined> {
    return this.identities.delegate(await this.ping(purpose), purpose, this.attempt(purpose))
  }

  attempt({ action, repository, actions }: Purpose): Attempt {
    return { action, host: this.host, registry: this.registry, repository, scope: actions }
  }

  /** Turns a network error into a TareError; an error from reading the body is returned unchanged. */
  explain(error: unknown, purpose: Purpose, at = this.host): unknown {
    if (error instanceof TokenExpired) return error
    if (error instanceof BodyFailure) return error.error
    if (this.retries.signal?.aborted) return this.retries.signal.reason
    const host = error instanceof RedirectFailure ? error.host : at
    const own = [host, `${host}:443`, `${host}:80`].includes(this.host)
    const via = own ? undefined : ({ host, what: 'storage' } as const)
    return unreachable({ ...this.attempt(purpose), via }, error)
  }

  /** Returns the identity token that came with a token, if any. */
  identityToken(): Promise<string | undefined> {
    return this.identities.identityToken()
  }

  private findDoor(purpose: Purpose): Promise<Door> {
    const { http, retries, insecure, plain } = this
    const about = { attempt: this.attempt(purpose), explain: (error: unknown) => this.explain(error, purpose) }
    return findDoor(this.host, { http, retries, insecure, plain, doorAt: (base) => this.urlOf('/v2/', base), ...about })
  }

  private async sendOnce(
    question: RegistryRequest,
    base: URL,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const { path, headers, body, ...rest } = question
    const url = typeof path === 'string' ? this.urlOf(path, base) : path
    // An upload may be redirected to a storage service, which must not get the token.
    const own = isSameEndpoint(url, base) && authorization !== undefined
    const flowing = body?.()
    return this.http.send({
      ...rest,
      url,
      headers: { ...headers, ...(own ? { Authorization: authorization } : {}) },
      body: flowing === undefined || flowing instanceof Uint8Array ? flowing : marked(flowing),
    })
  }

  private urlOf(path: string, base: URL): URL {
    const url = new URL(`${this.api}${path.slice('/v2'.length)}`, base)
    if (this.namespace !== undefined) url.searchParams.set('ns', this.namespace)
    return url
  }

  /** Returns the registry's explanation of a refusal. A response to HEAD has none, so the request is repeated with GET. */
  private async wordsFor(
    question: RegistryRequest,
    response: HttpResponse,
    base: URL,
    identity: Identity,
  ): Promise<string> {
    if (question.method !== 'HEAD') return wordsOf(response)
    discard(response)
    try {
      const spoken = await this.sendOnce({ ...question, method: 'GET' }, base, identity.header)
      if (spoken.status === response.status) return await wordsOf(spoken)
      discard(spoken)
    } catch {}
    return ''
  }
}

function is401({ status, by }: RefusedStatus): boolean {
  return status === 401 && by === 'registry'
}

function viaOf({ url }: HttpResponse, base: URL): Attempt['via'] {
  return isSameEndpoint(url, base) ? undefined : { host: url.host, what: 'storage' }
}

/** The token was rejected while a body was sent that can be read only once; the next request gets a new token. */
export class TokenExpired extends Error {}

/** An error from reading the body that was to be sent. */
export class BodyFailure extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('the bytes to send ended in an error')
    this.error = error
  }
}

async function* marked(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw new BodyFailure(error)
  }
}
