import type { Bytes } from '../../support/index.ts'
import { TareError } from '../../support/index.ts'
import { type Attempt, refused, unreachable, wordsOf } from './failure.ts'
import { discard, Http, type HttpResponse } from './http.ts'
import { readProxies } from './proxy.ts'
import { isPassing, persist, readRetryAfter, TryAgain } from './retry.ts'
import type { Environment } from './types.ts'

export interface FetchOptions {
  readonly environment: Environment
  /** What is known of an earlier answer: then the server may say that nothing has changed. */
  readonly known?: { readonly etag?: string | undefined; readonly modified?: string | undefined } | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds before the second try. Default: 400. */
  readonly retryDelay?: number | undefined
  /** Milliseconds without a byte after which a connection counts as lost. Default: 60,000. */
  readonly patience?: number | undefined
}

/** A file of the web, as the server described it. */
export interface FetchedFile<T> {
  /** What `take` made of the bytes; undefined when the server says that nothing has changed. */
  readonly taken: T | undefined
  readonly etag?: string | undefined
  /** The Last-Modified header. */
  readonly modified?: string | undefined
}

/**
 * Fetches a file; `take` gets its bytes, again from the start when a connection breaks. Rejects with
 * `DOWNLOAD_FAILED` and what a registry can meet.
 */
export async function fetchUrl<T>(
  url: URL,
  options: FetchOptions,
  take: (bytes: Bytes) => Promise<T>,
): Promise<FetchedFile<T>> {
  const { environment, known, signal, retryDelay = 400, patience = 60_000 } = options
  const http = new Http({
    patience,
    unchecked: false,
    trust: { host: url.host, environment },
    proxies: readProxies(environment),
    signal,
  })
  const attempt: Attempt = { wish: `fetch ${url.origin}${url.pathname}`, host: url.host }
  const headers = {
    ...(known?.etag === undefined ? {} : { 'If-None-Match': known.etag }),
    ...(known?.etag !== undefined || known?.modified === undefined ? {} : { 'If-Modified-Since': known.modified }),
  }
  try {
    return await persist({ attempts: 5, delay: retryDelay, longestWait: 60_000, signal }, async () => {
      const response = await http.send({ method: 'GET', url, headers })
      const { etag, 'last-modified': modified } = response.headers
      if (response.status === 304 && known !== undefined) {
        discard(response)
        return { taken: undefined, etag: etag ?? known.etag, modified: modified ?? known.modified }
      }
      if (response.status !== 200) throw await explain(response, attempt)
      return { taken: await take(response.body), etag, modified }
    })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw explainBroken(unreachable(attempt, error))
  } finally {
    http.close()
  }
}

/** What befell a connection, told of an address that is no registry’s. */
function explainBroken(error: unknown): unknown {
  if (!(error instanceof TareError) || error.code !== 'REGISTRY_UNREACHABLE') return error
  return new TareError('DOWNLOAD_FAILED', error.message, {
    cause: error.cause,
    remedy: error.remedy?.includes('--insecure')
      ? 'Trust its authority: name a file of it in SSL_CERT_FILE.'
      : error.remedy,
  })
}

async function explain(response: HttpResponse, attempt: Attempt): Promise<unknown> {
  const { status, headers } = response
  const after = headers['retry-after']
  const error = refused(attempt, status, await wordsOf(response), after)
  if (isPassing(status)) return new TryAgain(error, readRetryAfter(after, Date.now()))
  return new TareError('DOWNLOAD_FAILED', `cannot ${attempt.wish}: invalid response status ${status}`, {
    remedy: 'Check the address.',
  })
}
