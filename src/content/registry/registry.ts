import {
  type Descriptor,
  type Digest,
  documentLimit,
  formatReference,
  isDigest,
  isIndexType,
  isManifestType,
  mediaTypes,
  parseDocument,
  parseIndex,
  parseManifest,
  type Reference,
} from '../../oci/index.ts'
import { type Bytes, collect, flow, sha256, TareError } from '../../support/index.ts'
import { type Target, verified } from '../index.ts'
import { Connection, type Purpose } from './connection.ts'
import { findCredentials } from './credentials.ts'
import { download } from './download.ts'
import { nonsense } from './failure.ts'
import { discard, Http, type HttpResponse } from './http.ts'
import { readProxies } from './proxy.ts'
import { type FetchDocument, fetchReferrers } from './referrers.ts'
import { persist } from './retry.ts'
import { readAuthorities } from './trust.ts'
import type { Credentials, Environment } from './types.ts'
import { hasBlob, mount, type Upload, type Uploaded, upload } from './upload.ts'
import { UploadAhead } from './upload-ahead.ts'

export interface RegistryOptions {
  /** Where blobs are read and written: a registry keeps them by repository. */
  readonly repository: string
  /** Whose config files, proxies and certificates count. Default: nobody's. */
  readonly environment?: Environment | undefined
  /** Instead of those that the config files have. */
  readonly credentials?: Credentials | undefined
  /** Certificates are not checked, and http is tried after https. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds without a byte after which a connection counts as lost. Default: 60,000. */
  readonly patience?: number | undefined
  /** How often something is tried in all. Default: 5. */
  readonly attempts?: number | undefined
  /** Milliseconds before the second try. Default: 400. */
  readonly retryDelay?: number | undefined
}

// Manifests of all four kinds; without this, registries convert them or answer with one of 2015.
const accept = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerList, mediaTypes.dockerManifest].join(', ')
// Smaller blobs are read first, so that they can be sent again.
const small = 1 << 20

/** Opens a registry, by the name that stands in image names. Nothing is asked before the first question. */
export function openRegistry(host: string, options: RegistryOptions): Registry {
  return new Registry(host, options)
}

/** A repository of a registry, as a place that images come from and go to. */
export class Registry implements Target {
  readonly host: string
  readonly repository: string
  private readonly http: Http
  private readonly connection: Connection

  constructor(host: string, options: RegistryOptions) {
    const { repository, environment = {}, insecure = false, signal } = options
    this.host = host
    this.repository = repository
    const { patience = 60_000, attempts = 5, retryDelay = 400 } = options
    this.http = new Http({
      patience,
      unchecked: insecure,
      authorities: readAuthorities(host, environment),
      proxies: readProxies(environment),
      signal,
    })
    let found: Promise<Credentials | undefined> | undefined
    const credentials = async (name: string) => {
      if (options.credentials !== undefined) return options.credentials
      found ??= findCredentials(host, name || repository, environment)
      return found
    }
    const retries = { attempts, delay: retryDelay, longestWait: 60_000, signal }
    this.connection = new Connection(host, this.http, retries, { insecure, credentials })
  }

  /** Rejects with `REGISTRY_DENIED` and others; see failure.ts. */
  async resolve(name: Reference): Promise<Descriptor | undefined> {
    const { repository } = name
    const path = `/v2/${repository}/manifests/${name.digest ?? name.tag}`
    const purpose: Purpose = { wish: `read the manifest of ${formatReference(name)}`, repository, actions: 'pull' }
    const head = await this.connection.ask({ method: 'HEAD', path, headers: { Accept: accept } }, purpose, [200, 404])
    discard(head)
    if (head.status === 404) return undefined
    const said = describe(head)
    if (said !== undefined && (name.digest === undefined || name.digest === said.digest)) return said
    // Not every registry says it all in a head.
    const answer = await this.fetch(path, purpose)
    if (answer === undefined) return undefined
    const { bytes, response } = answer
    const digest = sha256(bytes)
    if (name.digest !== undefined && name.digest !== digest)
      throw new TareError(
        'BLOB_CORRUPT',
        `the manifest that ${this.connection.host} sent for ${formatReference(name)} is ${digest}`,
      )
    return { mediaType: typeOf(response, bytes, purpose.wish), digest, size: bytes.length }
  }

  async open(blob: Descriptor): Promise<Bytes> {
    if (!isDocument(blob)) return download(this.connection, this.repository, blob)
    const { repository } = this
    const path = `/v2/${repository}/manifests/${blob.digest}`
    const purpose: Purpose = { wish: `read the manifest ${blob.digest} of ${repository}`, repository, actions: 'pull' }
    const answer = await this.fetch(path, purpose)
    if (answer === undefined) {
      throw new TareError(
        'BLOB_MISSING',
        `${this.connection.host}/${repository} does not have the manifest ${blob.digest}`,
      )
    }
    return verified(flow(answer.bytes), blob, `${this.connection.host}/${repository}`)
  }

  async has(blob: Descriptor): Promise<boolean> {
    return isDocument(blob) ? this.hasManifest(this.repository, blob) : hasBlob(this.connection, this.repository, blob)
  }

  async put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void> {
    const { connection, repository } = this
    const there = isDocument(blob)
      ? await this.hasManifest(repository, blob, true)
      : await hasBlob(connection, repository, blob, true)
    if (there) return
    if (isDocument(blob) || blob.size <= small) {
      const bytes = await collect(verified(await open(), blob), documentLimit)
      if (isDocument(blob)) await this.putManifest(this.repository, blob.digest, blob, bytes)
      else await this.upload(blob, { open: async (from) => flow(bytes.subarray(from)) })
      return
    }
    await this.upload(blob, { open: async () => verified(await open(), blob), once: true })
  }

  /** Uploads a blob whose bytes can be opened again, or has it mounted from another repository here. */
  upload(blob: Descriptor, bytes: Upload, mounts: readonly string[] = []): Promise<Uploaded> {
    return upload(this.connection, this.repository, blob, bytes, mounts)
  }

  /** Begins an upload of bytes that are still being made. */
  uploadAhead(): Promise<UploadAhead> {
    return UploadAhead.begin(this.connection, this.repository)
  }

  /** Whether there is nothing in the repository that has a name, so that no blob is there already. Where that cannot be told, there is. */
  async isEmpty(): Promise<boolean> {
    const { repository } = this
    const purpose: Purpose = { wish: `look into ${repository}`, repository, actions: 'pull,push' }
    const question = { method: 'GET', path: `/v2/${repository}/tags/list?n=1` } as const
    try {
      const response = await this.connection.ask(question, purpose, [200, 404])
      if (response.status === 404) {
        discard(response)
        return true
      }
      const bytes = await collect(response.body, documentLimit)
      const { tags } = JSON.parse(bytes.toString('utf8')) as { readonly tags?: unknown }
      return tags === null || (Array.isArray(tags) && tags.length === 0)
    } catch {
      return false
    }
  }

  /** Takes a blob over from other repositories here, without a byte. undefined: it is not to be had that way. */
  mount(blob: Descriptor, mounts: readonly string[]): Promise<Uploaded | undefined> {
    return mount(this.connection, this.repository, blob, mounts)
  }

  /** A name in another repository than this one gets the image there, too, by mounts. */
  async tag(name: Reference, blob: Descriptor): Promise<void> {
    if (name.repository !== this.repository) {
      await this.mountAll(name.repository, blob)
    }
    const bytes = await collect(await this.open(blob), documentLimit)
    await this.putManifest(name.repository, name.tag ?? blob.digest, blob, bytes)
  }

  /** All tags of the repository, in the registry's order. */
  async tags(): Promise<readonly string[]> {
    const { repository } = this
    const purpose: Purpose = { wish: `list the tags of ${repository}`, repository, actions: 'pull' }
    const tags: string[] = []
    let path: string | URL | undefined = `/v2/${repository}/tags/list?n=1000`
    for (let page = 0; path !== undefined; page++) {
      if (page === mostPages)
        throw nonsense(this.connection.attempt(purpose), `has more than ${mostPages} pages of tags`)
      const answer: Fetched | undefined = await this.fetch(path, purpose)
      if (answer === undefined)
        throw new TareError('REGISTRY_NOT_FOUND', `${this.connection.host} has no repository ${repository}`)
      const raw = parseDocument(answer.bytes, `the tags of ${repository}`)['tags']
      if (Array.isArray(raw)) tags.push(...raw.filter((tag) => typeof tag === 'string'))
      path = nextPage(answer.response)
    }
    return tags
  }

  /** What names a manifest of the repository as its subject; of one artifact type, or of all. */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    const fetch: FetchDocument = (path, purpose) => this.fetch(path, purpose)
    return fetchReferrers(fetch, nextPage, this.repository, digest, artifactType)
  }

  /** Removes a manifest, and with it every tag that points at it. */
  async remove(digest: Digest): Promise<void> {
    const { repository } = this
    const purpose: Purpose = { wish: `remove ${digest} from ${repository}`, repository, actions: 'delete' }
    discard(
      await this.connection.ask(
        { method: 'DELETE', path: `/v2/${repository}/manifests/${digest}` },
        purpose,
        [200, 202],
      ),
    )
  }

  /** Rejects unless the registry takes the credentials. */
  async login(): Promise<void> {
    discard(await this.connection.ask({ method: 'GET', path: '/v2/' }, { wish: `log in to ${this.host}` }, [200]))
  }

  close(): void {
    this.http.close()
  }

  /** A document, whole; undefined where the registry has none of that name. One that breaks off is asked for again. */
  private async fetch(path: string | URL, purpose: Purpose): Promise<Fetched | undefined> {
    const { connection } = this
    try {
      return await persist(connection.retries, async () => {
        const question = { method: 'GET', path, headers: { Accept: accept } } as const
        const response = await connection.ask(question, purpose, [200, 404])
        if (response.status === 404) {
          discard(response)
          return undefined
        }
        const late = AbortSignal.timeout(Math.max(this.http.patience, 1000))
        return { response, bytes: await collect(until(late, response.body), documentLimit) }
      })
    } catch (error) {
      if (error instanceof RangeError)
        throw new TareError('MANIFEST_INVALID', `cannot ${purpose.wish}: ${connection.host} sends ${error.message}`)
      throw connection.explain(error, purpose)
    }
  }

  private async hasManifest(repository: string, { digest }: Descriptor, push = false): Promise<boolean> {
    const path = `/v2/${repository}/manifests/${digest}`
    const actions = push ? 'pull,push' : 'pull'
    const purpose: Purpose = { wish: `look for ${digest} in ${repository}`, repository, actions }
    const response = await this.connection.ask(
      { method: 'HEAD', path, headers: { Accept: accept } },
      purpose,
      [200, 404],
    )
    discard(response)
    return response.status === 200
  }

  private async putManifest(repository: string, name: string, blob: Descriptor, bytes: Buffer): Promise<void> {
    const purpose: Purpose = { wish: `push the manifest ${name} to ${repository}`, repository, actions: 'pull,push' }
    const path = `/v2/${repository}/manifests/${name}`
    const headers = { 'Content-Type': blob.mediaType }
    const response = await this.connection.ask(
      { method: 'PUT', path, headers, body: () => bytes },
      purpose,
      [201, 200, 202],
    )
    discard(response)
    const digest = response.headers['docker-content-digest']
    if (digest !== undefined && isDigest(digest) && digest !== blob.digest)
      throw nonsense(this.connection.attempt(purpose), `keeps it as ${digest}, not as ${blob.digest}`)
  }

  private async mountAll(repository: string, blob: Descriptor): Promise<void> {
    if (await this.hasManifest(repository, blob, true)) return
    const bytes = await collect(await this.open(blob), documentLimit)
    if (isIndexType(blob.mediaType)) {
      for (const child of parseIndex(bytes, blob.digest).manifests) await this.mountAll(repository, child)
    } else {
      const { layers, config } = parseManifest(bytes, blob.digest)
      for (const child of [...layers, config]) {
        const open = async () => download(this.connection, this.repository, child)
        await upload(this.connection, repository, child, { open, once: true }, [this.repository])
      }
    }
    await this.putManifest(repository, blob.digest, blob, bytes)
  }
}

interface Fetched {
  readonly response: HttpResponse
  readonly bytes: Buffer
}

const mostPages = 1000

function nextPage({ headers, url }: HttpResponse): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(String(headers['link'] ?? ''))?.[1]
  return target !== undefined && URL.canParse(target, url.href) ? new URL(target, url) : undefined
}

function isDocument({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType)
}

/** What a head says of a manifest, if it says all. */
function describe({ headers }: HttpResponse): Descriptor | undefined {
  const digest = headers['docker-content-digest']
  const mediaType = headers['content-type']?.split(';')[0]?.trim() ?? ''
  const size = Number(headers['content-length'] ?? Number.NaN)
  if (!isDigest(digest) || !isDocument({ mediaType, digest, size: 0 })) return undefined
  return Number.isSafeInteger(size) && size > 0 && size <= documentLimit ? { mediaType, digest, size } : undefined
}

function typeOf({ headers }: HttpResponse, bytes: Buffer, wish: string): string {
  const raw = parseDocument(bytes, 'the manifest')
  const said = raw['mediaType'] ?? headers['content-type']?.split(';')[0]?.trim()
  if (typeof said === 'string' && (isManifestType(said) || isIndexType(said))) return said
  if (Array.isArray(raw['manifests'])) return mediaTypes.index
  if (Array.isArray(raw['layers']) && raw['schemaVersion'] === 2) return mediaTypes.manifest
  throw new TareError('MANIFEST_UNSUPPORTED', `cannot ${wish}: it is of the type ${String(said)}`, {
    remedy:
      raw['schemaVersion'] === 1
        ? 'It is of the first kind, which Docker has given up: push the image again with a Docker of today.'
        : 'It is no container image.',
  })
}

async function* until(late: AbortSignal, bytes: Bytes): Bytes {
  for await (const chunk of bytes) {
    if (late.aborted) throw Object.assign(new Error('it came too slowly'), { code: 'ETIMEDOUT' })
    yield chunk
  }
}
