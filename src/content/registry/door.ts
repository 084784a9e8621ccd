import {
  discard,
  type Http,
  type HttpResponse,
  isAboutCertificates,
  isLoopback,
  isPassing,
  isSameEndpoint,
  loopbackAddresses,
  mayPass,
  persist,
  type RetrySettings,
  readRetryAfter,
  speaksInClear,
  TryAgain,
  textOf,
} from '../../net/index.ts'
import { systemCode, TareError } from '../../support/index.ts'
import { type Challenge, parseChallenges } from './auth/index.ts'
import { type Attempt, nonsense, refused, wordsOf } from './failure.ts'

/** How to talk to an endpoint, and which authentication it asks for. */
export interface Door {
  readonly url: URL
  readonly challenge: Challenge | undefined
  /** Set if the name resolves to this machine, though it does not say so, and the endpoint speaks plain HTTP. */
  readonly judged?: true
}

export interface DoorSettings {
  readonly http: Http
  readonly retries: RetrySettings
  /** Certificates are not verified, and http is allowed. */
  readonly insecure: boolean
  /** Use http only. */
  readonly plain: boolean
  readonly attempt: Attempt
  /** Returns the URL to probe for a scheme and host. */
  doorAt(base: URL): URL
  /** Turns a network error into a TareError. */
  explain(error: unknown): unknown
}

/**
 * Finds out how to talk to a registry: https, or http where that is allowed; always for this machine itself, by whatever name, as
 * in docker. A scheme that is not spoken is tried only once.
 */
export function findDoor(host: string, settings: DoorSettings): Promise<Door> {
  const { plain, insecure, retries } = settings
  const secure = new URL(`https://${host}`)
  const open = new URL(`http://${host}`)
  if (plain) return persist(retries, () => knock(open, settings))
  return persist(retries, async () => {
    // Without a port, the two schemes are different servers.
    const mayPeek = secure.port !== '' && isLoopback(secure.hostname) && !settings.http.isProxied(secure)
    if (mayPeek && (await speaksInClear(secure, retries.signal))) return knock(open, settings, true)
    let failure: unknown
    try {
      return await knock(secure, settings)
    } catch (error) {
      // The server is overloaded, or something is wrong on our side: another scheme will not help.
      if (error instanceof TryAgain || error instanceof TareError) throw error
      failure = error
    }
    const addresses = insecure || isLoopback(secure.hostname) ? [] : await judge(secure, failure, settings)
    if (addresses === undefined) throw failure
    if (addresses.length > 0) settings.http.pin(open.hostname, addresses)
    try {
      const door = await knock(open, settings, failure)
      return addresses.length > 0 ? { ...door, judged: true } : door
    } catch (error) {
      if (error instanceof TryAgain || settings.retries.signal?.aborted) throw error
      if (mayPass(failure) && isBroken(failure) && isBroken(error)) throw failure
      // The first error is more useful, unless only the second attempt found a server.
      const told = isNobody(failure) && !isNobody(error) ? error : failure
      throw settings.explain(told)
    }
  })
}

/** Returns the addresses of a name that resolves to this machine and does not speak https; undefined if http is not justified. */
async function judge(url: URL, failure: unknown, { http, explain }: DoorSettings) {
  // A proxy resolves the name itself.
  const isProxied = http.isProxied(url) || http.isProxied(new URL(`http://${url.host}`))
  if (isAboutCertificates(explain(failure)) || isProxied) return undefined
  return loopbackAddresses(url.hostname)
}

/** Probes an endpoint; `failure` is why https failed before. */
async function knock(url: URL, { http, attempt, doorAt, explain }: DoorSettings, failure?: unknown): Promise<Door> {
  const response = await http.send({ method: 'GET', url: doorAt(url) })
  if (isPassing(response.status)) {
    const after = response.headers['retry-after']
    const error = refused({ ...attempt, proxy: response.proxy }, response.status, await wordsOf(response), after)
    throw new TryAgain(error, readRetryAfter(after, Date.now()))
  }
  // A complaint about plain HTTP sent to a TLS port; if TLS had failed there before, it is just an odd response.
  const text = response.status === 400 && failure !== undefined ? await textOf(response) : undefined
  if (text !== undefined && (isAboutCertificates(explain(failure)) || /https|ssl|tls/i.test(text)))
    throw nonsense(attempt, 'does not speak HTTP as a registry does')
  if (text === undefined) discard(response)
  const [challenge] = isSameEndpoint(response.url, url) ? challengesOf(response) : []
  return { url, challenge }
}

export function challengesOf({ headers }: HttpResponse): readonly Challenge[] {
  return parseChallenges(headers['www-authenticate'] ?? '')
}

function isNobody(error: unknown): boolean {
  return ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED'].includes(systemCode(error) ?? '')
}

function isBroken(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '')
}
