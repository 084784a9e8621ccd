import { explainUnreachable, type HttpResponse, printable, textOf } from '../../net/index.ts'
import { TareError } from '../../support/index.ts'

/** What was attempted, for error messages. */
export interface Attempt {
  /** Follows "cannot": `read the manifest of alpine:3.19`. */
  readonly action: string
  readonly host: string
  /** The registry's name for `tare login`. Default: `host`. */
  readonly registry?: string | undefined
  /** The server that responded on the registry's behalf: its token server or its storage. */
  readonly via?: { readonly host: string; readonly what: 'tokens' | 'storage' } | undefined
  readonly repository?: string | undefined
  /** The requested scope: `pull`, `pull,push`. */
  readonly scope?: string | undefined
  /** The scope granted by the token, if known. */
  readonly granted?: string | undefined
  /** Where the credentials came from; undefined for none. */
  readonly credentials?: string | undefined
  /** The proxy that may have responded instead. */
  readonly proxy?: string | undefined
  /** Why there are no credentials: the error of a credential helper. */
  readonly missing?: TareError | undefined
}

/** Returns the registry's explanation: from its JSON error, or the beginning of the body. */
export async function wordsOf(response: HttpResponse): Promise<string> {
  const text = await textOf(response)
  try {
    const { errors, details, message } = JSON.parse(text) as Record<string, unknown>
    if (Array.isArray(errors) && errors.length > 0) return errors.map(wordsOfError).join('; ')
    for (const value of [details, message]) if (typeof value === 'string') return printable(value)
  } catch {}
  const isPage = /^\s*</.test(text) || /html/.test(response.headers['content-type'] ?? '')
  return isPage ? '' : printable(text.slice(0, 300))
}

/** The status of a response and who sent it: the cause of errors made by `refused`. */
export class RefusedStatus extends Error {
  readonly status: number
  readonly by: 'registry' | 'tokens' | 'storage'

  constructor(status: number, by: RefusedStatus['by']) {
    super(`HTTP status ${status}`)
    this.status = status
    this.by = by
  }
}

/** Returns the error for an unexpected response. */
export function refused(attempt: Attempt, status: number, words: string, retryAfter?: string): TareError {
  const message = `cannot ${attempt.action}: ${whoOf(attempt)} answers ${status}${words === '' ? '' : `: ${words}`}${asked(attempt)}`
  const cause = new RefusedStatus(status, attempt.via?.what ?? 'registry')
  if (status === 401 || status === 403)
    return new TareError('REGISTRY_DENIED', message, { cause, remedy: denied(attempt) })
  if (status === 404)
    return new TareError('REGISTRY_NOT_FOUND', message, {
      cause,
      remedy: 'Check the name; some registries report a private repository as not found.',
    })
  if (status === 429)
    return new TareError('REGISTRY_BUSY', message, {
      cause,
      remedy: `The registry is rate limiting${retryAfter === undefined ? '' : ` (Retry-After: ${retryAfter})`}: ${
        attempt.credentials === undefined ? `\`${login(attempt)}\` may raise the limit.` : 'try again later.'
      }`,
    })
  // The server never supports this, so retrying does not help.
  if (status === 405 || status === 501)
    return new TareError('REGISTRY_REFUSED', message, { cause, remedy: notAllowed(attempt, words) })
  if (status >= 500)
    return new TareError('REGISTRY_FAILED', message, {
      cause,
      remedy: isFull(status, words)
        ? 'The disk of the registry is full: make room there, and try again.'
        : 'The registry has a problem; try again later.',
    })
  return new TareError('REGISTRY_REFUSED', message, { cause })
}

function isFull(status: number, words: string): boolean {
  return status === 507 || /no space left|disk (?:is )?full|quota exceeded/i.test(words)
}

/** Suggests a setting of the registry that would allow what it refuses. */
function notAllowed({ host, scope = '' }: Attempt, words: string): string | undefined {
  if (scope.includes('push')) return 'It may be a mirror, or temporarily read-only: push to another registry.'
  if (!scope.includes('delete')) return undefined
  if (host === 'registry-1.docker.io') return 'Docker Hub deletes images only on its web site and through its own API.'
  // Cloud registries respond the same way, but have no such setting.
  const isOwn = /\bUNSUPPORTED\b/.test(words) && !/\.(?:amazonaws\.com|azurecr\.io|pkg\.dev|gcr\.io)$/.test(host)
  return isOwn
    ? 'If it is distribution’s registry (registry:2), its operator can allow it: `delete: {enabled: true}` under `storage`, or REGISTRY_STORAGE_DELETE_ENABLED=true.'
    : 'It does not delete images this way: see its own web site or API.'
}

/** Returns the error for a missing or truncated response. */
export function unreachable(attempt: Attempt, error: unknown): unknown {
  const { host } = attempt.via ?? attempt
  const found = explainUnreachable(error, host, '--insecure')
  if (found === undefined) return error
  const message = `cannot ${attempt.action}: ${whoOf(attempt)}: ${found.why}`
  return new TareError('REGISTRY_UNREACHABLE', message, { cause: error, remedy: found.remedy })
}

/** Returns the error for a response that violates the protocol. */
export function nonsense(attempt: Attempt, what: string): TareError {
  return new TareError('REGISTRY_INVALID', `cannot ${attempt.action}: ${whoOf(attempt)} ${what}`, {
    remedy: 'It may not be a registry, or a proxy may be responding in its place.',
  })
}

function whoOf({ host, via, proxy }: Attempt): string {
  const who = via === undefined ? host : `${via.host} (${host} sends us there for its ${via.what})`
  return proxy === undefined ? who : `${who}, through the proxy ${proxy},`
}

function login({ host, registry = host }: Attempt): string {
  return registry === 'docker.io' ? 'tare login' : `tare login ${registry}`
}

function asked(attempt: Attempt): string {
  const { repository, scope, granted, credentials, missing } = attempt
  const parts = [
    ...(repository === undefined ? [] : [`repository ${repository}`]),
    ...(scope === undefined ? [] : [`asked for ${scope}`]),
    ...(granted === undefined || hasAll(attempt) ? [] : [`granted ${granted === '' ? 'nothing' : granted}`]),
    missing !== undefined
      ? `without credentials: ${missing.message}`
      : credentials === undefined
        ? 'without credentials'
        : `credentials from ${credentials}`,
  ]
  return ` (${parts.join(', ')})`
}

/** Whether the token grants everything that was requested. */
function hasAll({ scope = '', granted = '' }: Attempt): boolean {
  const rights = granted.split(',')
  return rights.includes('*') || scope.split(',').every((right) => right === '' || rights.includes(right))
}

function denied(attempt: Attempt): string {
  const { repository, credentials, scope, granted, via } = attempt
  if (via?.what === 'storage') return 'The registry’s storage refused the request; try again and check the clocks.'
  if (attempt.missing?.remedy !== undefined) return attempt.missing.remedy
  if (credentials === undefined)
    return `Log in with \`${login(attempt)}\`${repository === undefined ? '' : ', or check the name: registries often respond the same way for private and nonexistent repositories'}.`
  const right = `${scope?.includes('delete') ? 'remove from' : scope?.includes('push') ? 'push to' : 'read'} ${repository ?? 'this registry'}`
  if (granted !== undefined && !hasAll(attempt))
    return `The credentials from ${credentials} are valid, but not allowed to ${right}: ask its owner, or log in as another user with \`${login(attempt)}\`.`
  return `The credentials from ${credentials} may have expired, or may not be allowed to ${right}: \`${login(attempt)}\` renews them.`
}

function wordsOfError(error: unknown): string {
  const { code, message, detail } = error as { code?: unknown; message?: unknown; detail?: unknown }
  const text = [code, message].filter((part) => typeof part === 'string' && part !== '').join(': ')
  const more = typeof detail === 'string' ? detail : errnoOf(detail) === noSpace ? 'no space left on device' : ''
  return printable(more === '' ? text : `${text} (${more})`)
}

const noSpace = 28

/** The registry of distribution tells only a number of what its disk says. */
function errnoOf(detail: unknown): unknown {
  const { Enclosed } = (detail ?? {}) as { Enclosed?: { Err?: unknown } | null }
  return Enclosed?.Err
}
