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

/** Where an endpoint answers, and what it asks for there. */
export interface Door {
  readonly url: URL
  readonly challenge: Challenge | undefined
  /** It is this machine, which its name alone does not say, and speaks plain HTTP. */
  readonly judged?: true
}

export interface DoorSettings {
  readonly http: Http
  readonly retries: RetrySettings
  /** Certificates are not checked, and http will do. */
  readonly insecure: boolean
  /** Only http is spoken there. */
  readonly plain: boolean
  readonly attempt: Attempt
  /** Where to knock, of a scheme and a host. */
  doorAt(base: URL): URL
  /** An error of the network as an answer. */
  explain(error: unknown): unknown
}

/**
 * Finds how a registry is spoken to: https, and http where that is allowed: for this machine itself, by whatever name, as docker
 * has it. A scheme that is not spoken there is tried once.
 */
export function findDoor(host: string, settings: DoorSettings): Promise<Door> {
  const { plain, insecure, retries } = settings
  const secure = new URL(`https://${host}`)
  const open = new URL(`http://${host}`)
  if (plain) return persist(retries, () => knock(open, settings))
  return persist(retries, async () => {
    // Without a port, the two schemes are two servers.
    const mayPeek = secure.port !== '' && isLoopback(secure.hostname) && !settings.http.isProxied(secure)
    if (mayPeek && (await speaksInClear(secure, retries.signal))) return knock(open, settings, true)
    let failure: unknown
    try {
      return await knock(secure, settings)
    } catch (error) {
      // It answers, and has no time; or something is wrong on our side, and stays so.
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
      // The first one tells more: the other is only a guess, unless somebody was there.
      const told = isNobody(failure) && !isNobody(error) ? error : failure
      throw settings.explain(told)
    }
  })
}

/** The addresses of this machine that a name has, where https is not spoken at it; undefined where that is no reason for http. */
async function judge(url: URL, failure: unknown, { http, explain }: DoorSettings) {
  // A proxy looks the name up by itself.
  const isProxied = http.isProxied(url) || http.isProxied(new URL(`http://${url.host}`))
  if (isAboutCertificates(explain(failure)) || isProxied) return undefined
  return loopbackAddresses(url.hostname)
}

/** Asks at the door; `failure` is how https went wrong before. */
async function knock(url: URL, { http, attempt, doorAt, explain }: DoorSettings, failure?: unknown): Promise<Door> {
  const response = await http.send({ method: 'GET', url: doorAt(url) })
  if (isPassing(response.status)) {
    const after = response.headers['retry-after']
    const error = refused({ ...attempt, proxy: response.proxy }, response.status, await wordsOf(response), after)
    throw new TryAgain(error, readRetryAfter(after, Date.now()))
  }
  // To somebody who should have spoken TLS; where that was not spoken, it is only an odd door.
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
