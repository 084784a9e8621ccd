import { type Bytes, TareError } from '../support/index.ts'
import { contentOf } from './content-encoding.ts'
import type { Environment } from './environment.ts'
import { explainUnreachable } from './failure.ts'
import { discard, Http } from './http.ts'
import type { HttpResponse } from './messages.ts'
import { readProxies } from './proxies.ts'
import { isPassing, persist, readRetryAfter, TryAgain } from './retry.ts'

export interface FetchOptions {
  readonly environment: Environment
  /** Validators of an earlier response, so that the server can answer 304 Not Modified. */
  readonly known?: { readonly etag?: string | undefined; readonly modified?: string | undefined } | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds before the second attempt. Default: 400. */
  readonly retryDelay?: number | undefined
  /** Milliseconds without data after which a connection counts as lost. Default: 60,000. */
  readonly idleTimeout?: number | undefined
}

/** A downloaded file, as the server described it. */
export interface FetchedFile<T> {
  /** What `take` returned; undefined after 304 Not Modified. */
  readonly taken: T | undefined
  readonly etag?: string | undefined
  /** The Last-Modified header. */
  readonly modified?: string | undefined
}

/**
 * Downloads a file. `take` consumes the bytes, and is called again from the start if the connection breaks. Rejects with `DOWNLOAD_FAILED`, or with
 * the error of `take`.
 */
export async function fetchUrl<T>(
  url: URL,
  options: FetchOptions,
  take: (bytes: Bytes) => Promise<T>,
): Promise<FetchedFile<T>> {
  const { environment, known, signal, retryDelay = 400, idleTimeout = 60_000 } = options
  const http = new Http({
    idleTimeout,
    unchecked: false,
    trust: { host: url.host, environment },
    proxies: readProxies(environment),
    signal,
  })
  const action = `cannot fetch ${url.origin}${url.pathname}`
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
      // 206 would be a part that nobody asked for; any other success is one, as for Docker: proxies that change files say 203.
      if (response.status < 200 || response.status > 299 || response.status === 206) throw explain(response, action)
      return { taken: await handOver(contentOf(response), take), etag, modified }
    })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw error instanceof TakerFailure ? error.error : explainBroken(error, url.host, action)
  } finally {
    http.close()
  }
}

/** A failure on our side, such as a full disk. Not the server's fault, so not retried. */
class TakerFailure extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('the data could not be processed')
    this.error = error
  }
}

async function handOver<T>(body: Bytes, take: (bytes: Bytes) => Promise<T>): Promise<T> {
  let broken: unknown
  async function* told(): Bytes {
    try {
      yield* body
    } catch (error) {
      broken = error
      throw error
    }
  }
  try {
    return await take(told())
  } catch (error) {
    // An error caused by truncated data is the server's, and may not happen again.
    throw broken ?? new TakerFailure(error)
  }
}

/** Turns a network error into a TareError. */
function explainBroken(error: unknown, host: string, action: string): unknown {
  const found = explainUnreachable(error, host)
  if (found === undefined) return error
  return new TareError('DOWNLOAD_FAILED', `${action}: ${host}: ${found.why}`, { cause: error, remedy: found.remedy })
}

function explain(response: HttpResponse, action: string): unknown {
  const { status, headers } = response
  discard(response)
  const passing = isPassing(status)
  const error = new TareError('DOWNLOAD_FAILED', `${action}: invalid response status ${status}`, {
    remedy: passing ? 'The server has a problem; try again later.' : 'Check the address.',
  })
  return passing ? new TryAgain(error, readRetryAfter(headers['retry-after'], Date.now())) : error
}
