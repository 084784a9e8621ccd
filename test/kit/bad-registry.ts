import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** Takes part in a request before the registry does; true when it has answered (or never will). */
export type Interference = (
  request: IncomingMessage,
  response: ServerResponse,
  registry: BadRegistry,
) => boolean | undefined | Promise<boolean | undefined>

export interface BadRegistryOptions {
  readonly interfere?: Interference | undefined
  /** What it wants to see: user `ada`, password `secret`. */
  readonly auth?: 'basic' | 'bearer' | undefined
  /** For who asks, it has an identity token in exchange for a password: `identity`. */
  readonly identity?: boolean | undefined
  /** It has the referrers API, gives `page` at once, and filters by type if it `filters`. */
  readonly referrers?: { readonly page: number; readonly filters: boolean } | undefined
  /** It speaks TLS, with this certificate and its key. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined
}

/** A registry in this process that does what it should, except where the test interferes. */
export class BadRegistry {
  readonly blobs = new Map<string, Buffer>()
  readonly manifests = new Map<string, { readonly type: string; readonly bytes: Buffer }>()
  readonly uploads = new Map<string, Buffer>()
  /** The request that may add to an upload: the latest. */
  private readonly writers = new Map<string, IncomingMessage>()
  /** `GET /v2/…`, in the order they came. */
  readonly requests: string[] = []
  /** Tokens that are taken now. */
  readonly tokens = new Set<string>()
  host = ''
  private readonly options: BadRegistryOptions
  private readonly server
  private count = 0

  private constructor(options: BadRegistryOptions) {
    this.options = options
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.answer(request, response)
    this.server = options.tls === undefined ? createServer(answer) : createSecureServer(options.tls, answer)
  }

  static async start(options: BadRegistryOptions = {}): Promise<BadRegistry> {
    const registry = new BadRegistry(options)
    await new Promise<void>((resolve) => registry.server.listen(0, '127.0.0.1', resolve))
    registry.host = `127.0.0.1:${(registry.server.address() as AddressInfo).port}`
    return registry
  }

  stop(): void {
    this.server.closeAllConnections()
    this.server.close()
  }

  addBlob(bytes: Buffer): `sha256:${string}` {
    const digest = digestOf(bytes)
    this.blobs.set(digest, bytes)
    return digest
  }

  addManifest(type: string, value: unknown, ...tags: readonly string[]): { digest: `sha256:${string}`; size: number } {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = digestOf(bytes)
    for (const name of [digest, ...tags]) this.manifests.set(name, { type, bytes })
    return { digest, size: bytes.length }
  }

  /** How many requests began so. */
  countOf(start: string): number {
    return this.requests.filter((request) => request.startsWith(start)).length
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`)
    response.on('error', () => {})
    request.on('error', () => {})
    if ((await this.options.interfere?.(request, response, this)) === true) return
    const { pathname, searchParams } = new URL(request.url!, `http://${this.host}`)
    if (pathname === '/token') return this.giveToken(request, response)
    if (!this.knows(request)) {
      const challenge =
        this.options.auth === 'basic'
          ? 'Basic realm="bad"'
          : `Bearer realm="http://${this.host}/token",service="bad registry, \\"quoted\\""`
      response.writeHead(401, { 'WWW-Authenticate': challenge, 'Content-Type': 'application/json' })
      response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
      return
    }
    if (pathname === '/v2/') return void response.end('{}')
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/(.*)$/.exec(pathname)
    if (upload !== null) return this.upload(request, response, upload[1]!, upload[2]!, searchParams)
    const blob = /^\/v2\/.+\/blobs\/(sha256:[0-9a-f]+)$/.exec(pathname)
    if (blob !== null) return this.sendBlob(request, response, this.blobs.get(blob[1]!))
    const manifest = /^\/v2\/.+\/manifests\/(.+)$/.exec(pathname)
    if (manifest !== null) return this.manifest(request, response, manifest[1]!)
    const referrers = /^(\/v2\/.+\/referrers\/)(sha256:[0-9a-f]+)$/.exec(pathname)
    if (referrers !== null && this.options.referrers !== undefined)
      return this.sendReferrers(response, `${referrers[1]}${referrers[2]}`, referrers[2]!, searchParams)
    notFound(response, 'NAME_UNKNOWN')
  }

  private sendReferrers(response: ServerResponse, path: string, digest: string, query: URLSearchParams): void {
    const { page, filters } = this.options.referrers!
    const wanted = filters ? query.get('artifactType') : null
    const all = [...this.manifests].flatMap(([name, { type, bytes }]) => {
      const { subject, artifactType, annotations } = JSON.parse(bytes.toString('utf8'))
      if (!name.startsWith('sha256:') || subject?.digest !== digest) return []
      if (wanted !== null && artifactType !== wanted) return []
      return [{ mediaType: type, digest: name, size: bytes.length, artifactType, annotations }]
    })
    const from = Number(query.get('from') ?? 0)
    const rest = new URLSearchParams({ ...Object.fromEntries(query), from: String(from + page) })
    response.writeHead(200, {
      'Content-Type': 'application/vnd.oci.image.index.v1+json',
      ...(wanted === null ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
      ...(from + page < all.length ? { Link: `<${path}?${rest}>; rel="next"` } : {}),
    })
    response.end(JSON.stringify({ schemaVersion: 2, manifests: all.slice(from, from + page) }))
  }

  private knows({ headers: { authorization } }: IncomingMessage): boolean {
    if (this.options.auth === undefined) return true
    if (this.options.auth === 'basic') return authorization === basic
    return this.tokens.has(authorization?.replace('Bearer ', '') ?? '')
  }

  private async giveToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams((await bodyOf(request)).toString())
    const allowed = request.headers.authorization === basic || form.get('refresh_token') === 'identity'
    if (!allowed && form.get('password') !== 'secret') {
      response.writeHead(401).end('{"details":"incorrect username or password"}')
      return
    }
    const token = `token-${++this.count}`
    this.tokens.add(token)
    const { searchParams } = new URL(request.url!, `http://${this.host}`)
    const isWanted = searchParams.get('offline_token') === 'true' || form.get('access_type') === 'offline'
    const more = this.options.identity === true && isWanted ? { refresh_token: 'identity' } : {}
    response.end(JSON.stringify({ token, expires_in: 300, ...more }))
  }

  private sendBlob(request: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined): void {
    if (bytes === undefined) {
      notFound(response, 'BLOB_UNKNOWN')
      return
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from > 0) response.writeHead(206, { 'Content-Range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` })
    else response.writeHead(200, { 'Content-Length': bytes.length })
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from))
  }

  private async manifest(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    if (request.method === 'PUT') {
      const bytes = await bodyOf(request).catch(() => undefined)
      if (bytes === undefined || !request.complete) return
      const held = { type: request.headers['content-type'] ?? '', bytes }
      for (const key of [name, digestOf(bytes)]) this.manifests.set(key, held)
      response.writeHead(201, { 'Docker-Content-Digest': digestOf(bytes) }).end()
      return
    }
    const found = this.manifests.get(name)
    if (found === undefined) return notFound(response, 'MANIFEST_UNKNOWN')
    response.writeHead(200, {
      'Content-Type': found.type,
      'Content-Length': found.bytes.length,
      'Docker-Content-Digest': digestOf(found.bytes),
    })
    response.end(request.method === 'HEAD' ? undefined : found.bytes)
  }

  private async upload(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    id: string,
    query: URLSearchParams,
  ): Promise<void> {
    if (request.method === 'POST') {
      const fresh = String(++this.count)
      this.uploads.set(fresh, Buffer.alloc(0))
      response.writeHead(202, { Location: `/v2/${repository}/blobs/uploads/${fresh}?_state=x` }).end()
      return
    }
    if (!this.uploads.has(id)) return notFound(response, 'BLOB_UPLOAD_UNKNOWN')
    // What is still to come of one before it, whose connection broke, is dropped.
    this.writers.set(id, request)
    if (request.method === 'GET') {
      const last = Math.max(0, this.uploads.get(id)!.length - 1)
      response.writeHead(204, { Range: `0-${last}`, Location: `/v2/${repository}/blobs/uploads/${id}?_state=y` }).end()
      return
    }
    const start = Number(/^(\d+)-/.exec(String(request.headers['content-range'] ?? ''))?.[1] ?? 0)
    if (start !== this.uploads.get(id)!.length && request.headers['content-range'] !== undefined) {
      response.writeHead(416).end()
      return
    }
    try {
      for await (const chunk of request) {
        if (this.writers.get(id) !== request) return
        this.uploads.set(id, Buffer.concat([this.uploads.get(id) ?? Buffer.alloc(0), chunk as Buffer]))
      }
    } catch {
      return
    }
    if (!request.complete) return
    const bytes = this.uploads.get(id) ?? Buffer.alloc(0)
    if (request.method === 'PATCH') {
      response.writeHead(202, { Location: `/v2/${repository}/blobs/uploads/${id}?_state=z` }).end()
      return
    }
    if (digestOf(bytes) !== query.get('digest')) {
      response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}')
      return
    }
    this.blobs.set(digestOf(bytes), bytes)
    this.uploads.delete(id)
    response.writeHead(201).end()
  }
}

const basic = `Basic ${Buffer.from('ada:secret').toString('base64')}`

export function digestOf(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function notFound(response: ServerResponse, code: string): void {
  response.writeHead(404, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify({ errors: [{ code, message: 'there is none' }] }))
}
