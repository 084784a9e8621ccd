import { createHash } from 'node:crypto'
import type { GithubCache } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { explainUnreachable, Http, isPassing, persist, readProxies, readRetryAfter, TryAgain } from '../../net/index.ts'
import { documentLimit } from '../../oci/index.ts'
import { type Bytes, collect, TareError } from '../../support/index.ts'
import type { CacheCall } from './registry-cache.ts'
import { NoCache } from './storage.ts'

/** GitHub's cache service, version 2: entries by key, which never change. (actions/toolkit, packages/cache) */
export interface GithubService {
  readonly host: string
  /** Returns an entry's bytes: that of the key, or else the latest whose key starts with `prefix`. Undefined if there is none. */
  open(key: string, prefix?: string): Promise<Bytes | undefined>
  has(key: string): Promise<boolean>
  /** Stores an entry, unless there is one with that key. */
  put(key: string, size: number, open: () => Bytes): Promise<void>
  close(): void
}

const service = '/twirp/github.actions.results.api.v1.CacheService/'
// Part of what identifies an entry, besides its key. (there: a hash of paths and compression)
const version = createHash('sha256').update('tare cache v1').digest('hex')
const idleTimeout = 60_000

type Json = Record<string, unknown>

/** Opens the service of a workflow's job. Throws `NoCache` outside of one. */
export function openGithubService(host: Host, { url, token }: GithubCache, { signal }: CacheCall): GithubService {
  const { environment, retryDelay = 400 } = host
  const base = url ?? environment['ACTIONS_RESULTS_URL'] ?? ''
  const secret = token ?? environment['ACTIONS_RUNTIME_TOKEN'] ?? ''
  if (base === '' || secret === '')
    throw new NoCache(
      'ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN are not set, which GitHub gives to actions, not to run:',
      true,
    )
  if (!URL.canParse(base)) throw new NoCache(`ACTIONS_RESULTS_URL is no address: ${JSON.stringify(base)}`, true)
  const origin = new URL(base)
  const connect = (to: URL) =>
    new Http({
      idleTimeout,
      unchecked: false,
      trust: { host: to.host, environment },
      proxies: readProxies(environment),
      signal,
    })
  const connections = new Map<string, Http>()
  const via = (to: URL): Http => {
    const http = connections.get(to.host) ?? connect(to)
    connections.set(to.host, http)
    return http
  }
  const retries = { attempts: 5, delay: retryDelay, longestWait: 60_000, signal }

  /** Sends a request again while that may help. */
  const send = async (
    method: 'GET' | 'POST' | 'PUT',
    to: URL,
    headers: Record<string, string>,
    body?: () => Bytes | Uint8Array,
    length?: number,
  ) => {
    try {
      return await persist(retries, async () => {
        const response = await via(to).send({ method, url: to, headers, body: body?.(), length })
        if (!isPassing(response.status)) return response
        const said = await collect(response.body, documentLimit)
        const error = failure(to.host, response.status, said.toString('utf8'))
        throw new TryAgain(error, readRetryAfter(response.headers['retry-after'], Date.now()))
      })
    } catch (error) {
      if ((error as Error).name === 'TimeoutError')
        throw new TareError('CACHE_SERVICE_FAILED', `${to.host} took too long`, {
          cause: error,
          remedy: 'timeout= sets the time.',
        })
      const unreachable = explainUnreachable(error, to.host)
      if (unreachable === undefined) throw error
      throw new TareError('CACHE_SERVICE_FAILED', `${to.host} cannot be reached: ${unreachable.why}`, {
        cause: error,
        remedy: unreachable.remedy,
      })
    }
  }

  const ask = async (method: string, request: Json): Promise<Json> => {
    const bytes = Buffer.from(JSON.stringify({ ...request, version }))
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` }
    const to = new URL(service + method, origin)
    const response = await send('POST', to, headers, () => bytes, bytes.length)
    const text = (await collect(response.body, documentLimit)).toString('utf8')
    if (response.status === 409 || /"code":\s*"already_exists"/.test(text)) return { ok: false, exists: true }
    if (response.status !== 200) throw failure(to.host, response.status, text)
    try {
      return JSON.parse(text) as Json
    } catch {
      throw failure(to.host, response.status, text)
    }
  }

  const locate = async (key: string, prefix?: string): Promise<URL | undefined> => {
    const answer = await ask('GetCacheEntryDownloadURL', { key, restore_keys: prefix === undefined ? [] : [prefix] })
    const said = answer['signed_download_url'] ?? answer['signedDownloadUrl']
    if (answer['ok'] !== true || typeof said !== 'string') return undefined
    const found = answer['matched_key'] ?? answer['matchedKey']
    // The service treats every key as a prefix.
    if (typeof found === 'string' && found !== key && (prefix === undefined || !found.startsWith(prefix)))
      return undefined
    return new URL(said)
  }

  return {
    host: origin.host,
    open: async (key, prefix) => {
      const from = await locate(key, prefix)
      if (from === undefined) return undefined
      const response = await send('GET', from, {})
      if (response.status === 200) return response.body
      throw failure(from.host, response.status, (await collect(response.body, documentLimit)).toString('utf8'))
    },
    has: async (key) => (await locate(key)) !== undefined,
    put: async (key, size, open) => {
      const begun = await ask('CreateCacheEntry', { key })
      if (begun['exists'] === true) return
      const said = begun['signed_upload_url'] ?? begun['signedUploadUrl']
      if (begun['ok'] !== true || typeof said !== 'string')
        throw failure(origin.host, 200, String(begun['message'] ?? 'no address to upload to'))
      const to = new URL(said)
      const headers = { 'x-ms-blob-type': 'BlockBlob', 'Content-Type': 'application/octet-stream' }
      const response = await send('PUT', to, headers, open, size)
      const text = (await collect(response.body, documentLimit)).toString('utf8')
      if (response.status !== 201 && response.status !== 200) throw failure(to.host, response.status, text)
      const ended = await ask('FinalizeCacheEntryUpload', { key, size_bytes: String(size) })
      if (ended['ok'] !== true)
        throw failure(origin.host, 200, String(ended['message'] ?? 'the entry was not accepted'))
    },
    close: () => {
      for (const http of connections.values()) http.close()
    },
  }
}

function failure(host: string, status: number, text: string): TareError {
  const said = /"(?:msg|message)":\s*"([^"]*)"/.exec(text)?.[1] ?? text.slice(0, 200)
  return new TareError(
    'CACHE_SERVICE_FAILED',
    `the cache service ${host} answered ${status}${said === '' ? '' : `: ${said}`}`,
    {
      remedy:
        status === 401 || status === 403
          ? 'The token of a job is valid for a few hours, and for its own repository.'
          : 'ignore-error=true makes a failed export a warning.',
    },
  )
}
