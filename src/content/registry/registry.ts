import {
  type Descriptor,
  type Digest,
  documentLimit,
  formatReference,
  isIndexType,
  parseIndex,
  parseManifest,
  type Reference,
} from '../../oci/index.ts'
import { type Bytes, collect, flow } from '../../support/index.ts'
import { type Target, verified } from '../index.ts'
import { Connection, type Purpose } from './connection.ts'
import { findCredentials } from './credentials.ts'
import { download } from './download.ts'
import { discard, Http } from './http.ts'
import { hasManifest, isDocument, putManifest, readManifest, resolveManifest } from './manifests.ts'
import { readProxies } from './proxy.ts'
import { fetchReferrers } from './referrers.ts'
import { isEmpty, listTags } from './tags.ts'
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
  resolve(name: Reference): Promise<Descriptor | undefined> {
    const { repository, digest, tag = 'latest' } = name
    return resolveManifest(this.connection, repository, digest ?? tag, formatReference(name))
  }

  async open(blob: Descriptor): Promise<Bytes> {
    if (!isDocument(blob)) return download(this.connection, this.repository, blob)
    return flow(await readManifest(this.connection, this.repository, blob))
  }

  async has(blob: Descriptor): Promise<boolean> {
    return (isDocument(blob) ? hasManifest : hasBlob)(this.connection, this.repository, blob)
  }

  async put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void> {
    const { connection, repository } = this
    if (await (isDocument(blob) ? hasManifest : hasBlob)(connection, repository, blob, true)) return
    if (isDocument(blob) || blob.size <= small) {
      const bytes = await collect(verified(await open(), blob), documentLimit)
      if (isDocument(blob)) await putManifest(connection, repository, blob.digest, blob, bytes)
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
  isEmpty(): Promise<boolean> {
    return isEmpty(this.connection, this.repository)
  }

  /** Takes a blob over from other repositories here, without a byte. undefined: it is not to be had that way. */
  mount(blob: Descriptor, mounts: readonly string[]): Promise<Uploaded | undefined> {
    return mount(this.connection, this.repository, blob, mounts)
  }

  /** A name in another repository than this one gets the image there, too, by mounts. */
  async tag(name: Reference, blob: Descriptor): Promise<void> {
    if (name.repository !== this.repository) await this.mountAll(name.repository, blob)
    const bytes = await readManifest(this.connection, this.repository, blob)
    await putManifest(this.connection, name.repository, name.tag ?? blob.digest, blob, bytes)
  }

  /** All tags of the repository, in the registry's order. */
  tags(): Promise<readonly string[]> {
    return listTags(this.connection, this.repository)
  }

  /** What names a manifest of the repository as its subject; of one artifact type, or of all. */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return fetchReferrers(this.connection, this.repository, digest, artifactType)
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

  private async mountAll(repository: string, blob: Descriptor): Promise<void> {
    if (await hasManifest(this.connection, repository, blob, true)) return
    const bytes = await readManifest(this.connection, this.repository, blob)
    if (isIndexType(blob.mediaType)) {
      for (const child of parseIndex(bytes, blob.digest).manifests) await this.mountAll(repository, child)
    } else {
      const { layers, config } = parseManifest(bytes, blob.digest)
      for (const child of [...layers, config]) {
        const open = async () => download(this.connection, this.repository, child)
        await upload(this.connection, repository, child, { open, once: true }, [this.repository])
      }
    }
    await putManifest(this.connection, repository, blob.digest, blob, bytes)
  }
}
