import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { serve } from './serve.ts'

/** A stand-in for GitHub's cache service, version 2, and for the storage behind it. */
export interface GithubStandIn {
  /** ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN. */
  readonly environment: Readonly<Record<string, string>>
  /** Finished entries by key, oldest first. */
  readonly entries: Map<string, { readonly version: string; readonly bytes: Buffer }>
  /** What was asked for, in order: `CreateCacheEntry`, `PUT`, `GET`. */
  readonly requests: string[]
}

const service = '/twirp/github.actions.results.api.v1.CacheService/'

/** Starts the service for as long as the test runs. Entries cannot be changed; a key also matches as a prefix. */
export async function githubStandIn(): Promise<GithubStandIn> {
  const token = 'job-token'
  const entries = new Map<string, { version: string; bytes: Buffer }>()
  const begun = new Map<string, { key: string; version: string; bytes: Buffer; blocks: Map<string, Buffer> }>()
  const requests: string[] = []
  let own = ''
  const methods: Record<string, (request: Record<string, unknown>) => object | number> = {
    CreateCacheEntry: ({ key, version }) => {
      if (entries.has(String(key))) return 409
      const id = randomUUID()
      begun.set(id, { key: String(key), version: String(version), bytes: Buffer.alloc(0), blocks: new Map() })
      return { ok: true, signed_upload_url: `${own}/upload/${id}?sig=a` }
    },
    FinalizeCacheEntryUpload: ({ key, size_bytes }) => {
      const upload = [...begun.values()].find(
        (one) => one.key === key && String(one.bytes.length) === String(size_bytes),
      )
      if (upload === undefined) return { ok: false }
      entries.set(upload.key, { version: upload.version, bytes: upload.bytes })
      return { ok: true, entry_id: '1' }
    },
    GetCacheEntryDownloadURL: ({ key, restore_keys: prefixes = [], version }) => {
      const usable = [...entries].filter(([, entry]) => entry.version === version).map(([name]) => name)
      const matched = [String(key), ...(prefixes as string[])]
        .map((prefix) => usable.find((name) => name === prefix) ?? usable.findLast((name) => name.startsWith(prefix)))
        .find((name) => name !== undefined)
      if (matched === undefined) return { ok: false, signed_download_url: '', matched_key: '' }
      const signed_download_url = `${own}/download/${encodeURIComponent(matched)}?sig=b`
      return { ok: true, signed_download_url, matched_key: matched }
    },
  }
  own = await serve((request, response) => {
    void answer(request, response)
  })
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const url = new URL(request.url!, own)
    if (url.pathname.startsWith(service)) {
      const method = url.pathname.slice(service.length)
      requests.push(method)
      const isKnown = request.headers.authorization === `Bearer ${token}`
      const made = isKnown ? methods[method]!(JSON.parse(body.toString()) as Record<string, unknown>) : 401
      if (typeof made !== 'number') return json(response, 200, made)
      return json(response, made, { code: made === 409 ? 'already_exists' : 'unauthenticated', msg: 'no' })
    }
    requests.push(request.method!)
    const [, kind, name = ''] = url.pathname.split('/')
    if (kind === 'upload') return upload(begun.get(name)!, url.searchParams, body, response)
    download(entries.get(decodeURIComponent(name))?.bytes, request, response)
  }
  return { environment: { ACTIONS_RESULTS_URL: `${own}/`, ACTIONS_RUNTIME_TOKEN: token }, entries, requests }
}

/** A blob at once, or in blocks and a list of them. */
function upload(
  blob: { bytes: Buffer; blocks: Map<string, Buffer> },
  query: URLSearchParams,
  body: Buffer,
  response: ServerResponse,
): void {
  if (query.get('comp') === 'block') blob.blocks.set(query.get('blockid')!, body)
  else if (query.get('comp') === 'blocklist')
    blob.bytes = Buffer.concat(
      [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]*)</g)].map(
        ([, id]) => blob.blocks.get(id!)!,
      ),
    )
  else blob.bytes = body
  response.writeHead(201, { etag: '"1"', 'last-modified': new Date(0).toUTCString() }).end()
}

function download(bytes: Buffer | undefined, { method, headers }: IncomingMessage, response: ServerResponse): void {
  if (bytes === undefined) {
    json(response, 404, { message: 'BlobNotFound' })
    return
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(String(headers.range ?? headers['x-ms-range'] ?? '')) ?? []
  const start = Number(from ?? 0)
  const part = from === undefined ? bytes : bytes.subarray(start, to ? Number(to) + 1 : undefined)
  response.writeHead(from === undefined ? 200 : 206, {
    ...{
      'content-length': part.length,
      etag: '"1"',
      'last-modified': new Date(0).toUTCString(),
      'accept-ranges': 'bytes',
    },
    ...{ 'x-ms-blob-type': 'BlockBlob', 'content-md5': createHash('md5').update(part).digest('base64') },
    ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${start + part.length - 1}/${bytes.length}` }),
  })
  response.end(method === 'HEAD' ? undefined : part)
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
