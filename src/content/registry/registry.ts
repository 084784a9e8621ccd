import { discard, type Environment } from '../../net/index.ts'
import {
  type Descriptor,
  type Digest,
  documentLimit,
  formatReference,
  isIndexType,
  parseIndex,
  parseManifest,
  type Reference,
  refuseTower,
} from '../../oci/index.ts'
import { type Bytes, collect, flow, TareError } from '../../support/index.ts'
import { type Target, verified } from '../index.ts'
import type { Credentials } from './auth/index.ts'
import { findEndpoints, type NamedBy } from './config/index.ts'
import { download } from './download.ts'
import { refused, wordsOf } from './failure.ts'
import type { Delegation, Purpose } from './identity.ts'
import { hasManifest, isDocument, putManifest, readManifest, resolveManifest } from './manifests.ts'
import { type EndpointClient, MirroredRepository } from './mirrored-repository.ts'
import { fetchReferrers } from './referrers.ts'
import { addReferrer, type Referral, referralOf, removeReferrer } from './subjects.ts'
import { isEmpty, listTags } from './tags.ts'
import { hasBlob, mount, type Upload, type Uploaded, upload } from './upload.ts'
import { UploadAhead } from './upload-ahead.ts'

export interface RegistryOptions {
  /** The repository for blobs, which registries store by repository. */
  readonly repository: string
  /** The environment variables that select config files, proxies, certificates and registry rules. Default: none. */
  readonly environment?: Environment | undefined
  /** How the image to be read is named: mirrors allowed for such names are tried first. Default: no mirrors. */
  readonly namedBy?: NamedBy | undefined
  /** Used instead of those in config files. */
  readonly credentials?: Credentials | undefined
  /** Certificates are not verified, and http is tried after https. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called with problems that are not errors, such as a missing credential helper. */
  readonly warn?: ((message: string) => void) | undefined
  /** Milliseconds without data after which a connection counts as lost. Default: 60,000. */
  readonly idleTimeout?: number | undefined
  /** Maximum number of attempts. Default: 5. */
  readonly attempts?: number | undefined
  /** Milliseconds before the second attempt. Default: 400. */
  readonly retryDelay?: number | undefined
}

// Smaller blobs are buffered, so that they can be sent again.
const small = 1 << 20

/**
 * Opens a registry by its name in image names; configuration decides where it really is. Sends nothing before it is used. Throws
 * `REGISTRY_BLOCKED` and `REGISTRIES_INVALID`.
 */
export function openRegistry(host: string, options: RegistryOptions): Registry {
  return new Registry(host, options)
}

/** A repository of a registry, to read images from and write them to. */
export class Registry implements Target {
  readonly host: string
  readonly repository: string
  private readonly options: RegistryOptions
  private readonly mirrored: MirroredRepository
  private readonly endpoint: EndpointClient

  constructor(host: string, options: RegistryOptions) {
    const { repository, environment = {}, credentials, insecure, namedBy, signal, warn } = options
    const { idleTimeout = 60_000, attempts = 5, retryDelay = 400 } = options
    this.host = host
    this.repository = repository
    this.options = options
    const retries = { attempts, delay: retryDelay, longestWait: 60_000, signal }
    const endpoints = findEndpoints(host, repository, { environment, insecure, namedBy })
    for (const fault of endpoints.faults) warn?.(`${fault}: continuing without it`)
    this.mirrored = new MirroredRepository(endpoints, { environment, credentials, idleTimeout, retries, warn })
    this.endpoint = this.mirrored.origin
  }

  /** The host that really serves it. */
  get origin(): string {
    return this.endpoint.connection.host
  }

  /** Why mirrors failed when the registry was last used; undefined if they did not. */
  get mirrorsSaid(): string | undefined {
    return this.mirrored.said
  }

  /** Rejects with `REGISTRY_DENIED` and others; see failure.ts. */
  resolve(name: Reference): Promise<Descriptor | undefined> {
    const { repository, digest, tag = 'latest' } = name
    const ask = ({ connection }: EndpointClient, there: string) =>
      resolveManifest(connection, there, digest ?? tag, formatReference(name))
    if (repository !== this.repository) return ask(this.endpoint, this.reallyAt(repository))
    return this.mirrored.read((endpoint) => ask(endpoint, endpoint.repository))
  }

  async open(blob: Descriptor): Promise<Bytes> {
    if (!isDocument(blob)) return this.mirrored.open(blob)
    const bytes = await this.mirrored.read((endpoint) => readManifest(endpoint.connection, endpoint.repository, blob))
    return flow(bytes!)
  }

  /** After corrupt bytes from a mirror, no mirrors are used any more. */
  distrust(error: unknown): boolean {
    return this.mirrored.dropMirrors(error)
  }

  async has(blob: Descriptor): Promise<boolean> {
    const { connection, repository } = this.endpoint
    return (isDocument(blob) ? hasManifest : hasBlob)(connection, repository, blob)
  }

  async put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void> {
    const { connection, repository } = this.endpoint
    if (isDocument(blob)) {
      const bytes = await collect(verified(await open(), blob), documentLimit)
      // A manifest with a subject may exist without being in the list of referrers.
      const referral = referralOf(blob, bytes)
      if (referral === undefined && (await hasManifest(connection, repository, blob, true))) return
      await this.putDocument(repository, blob.digest, blob, bytes)
      return
    }
    if (await hasBlob(connection, repository, blob, true)) return
    if (blob.size <= small) {
      const bytes = await collect(verified(await open(), blob), documentLimit)
      await this.upload(blob, { open: async (from) => flow(bytes.subarray(from)) })
      return
    }
    await this.upload(blob, { open: async () => verified(await open(), blob), once: true })
  }

  /** Uploads a blob whose bytes can be opened repeatedly, or mounts it from another repository of this registry. */
  upload(blob: Descriptor, bytes: Upload, mounts: readonly string[] = []): Promise<Uploaded> {
    return upload(this.endpoint.connection, this.endpoint.repository, blob, bytes, this.within(mounts))
  }

  /** Starts an upload of bytes that are still being produced. */
  uploadAhead(): Promise<UploadAhead> {
    return UploadAhead.begin(this.endpoint.connection, this.endpoint.repository)
  }

  /** Whether the repository has no tags, so that it cannot have any blob yet; false if unknown. */
  isEmpty(): Promise<boolean> {
    return isEmpty(this.endpoint.connection, this.endpoint.repository)
  }

  /** Mounts a blob from other repositories of this registry, without sending data. Returns undefined if that is not possible. */
  mount(blob: Descriptor, mounts: readonly string[]): Promise<Uploaded | undefined> {
    return mount(this.endpoint.connection, this.endpoint.repository, blob, this.within(mounts))
  }

  /** If the name is in another repository, mounts the image's blobs there. */
  async tag(name: Reference, blob: Descriptor): Promise<void> {
    const { connection, repository } = this.endpoint
    const there = this.reallyAt(name.repository)
    if (there !== repository) await this.mountAll(there, blob)
    const bytes = await readManifest(connection, repository, blob)
    await this.putDocument(there, name.tag ?? blob.digest, blob, bytes)
  }

  /** Returns all tags of the repository, in the registry's order. */
  tags(): Promise<readonly string[]> {
    return listTags(this.endpoint.connection, this.endpoint.repository)
  }

  /** Lists manifests of the repository that refer to this one, optionally of one artifact type. */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return fetchReferrers(this.endpoint.connection, this.endpoint.repository, digest, artifactType)
  }

  /** Deletes a manifest, and with it every tag that points to it. */
  async remove(blob: Descriptor): Promise<void> {
    const { connection, repository } = this.endpoint
    const { digest } = blob
    // Read first: afterwards its subject could not be determined.
    const referral = await this.referralThere(blob)
    const purpose: Purpose = { action: `remove ${digest} from ${repository}`, repository, actions: 'delete' }
    const path = `/v2/${repository}/manifests/${digest}`
    discard(await connection.ask({ method: 'DELETE', path }, purpose, [200, 202, 204]))
    if (referral !== undefined) await removeReferrer(connection, repository, referral)
  }

  /** Deletes only a tag. Not every registry supports this: rejects with `REGISTRY_REFUSED`. */
  async removeTag(tag: string): Promise<void> {
    const { connection, repository } = this.endpoint
    const purpose: Purpose = { action: `remove the tag ${tag} from ${repository}`, repository, actions: 'delete' }
    const path = `/v2/${repository}/manifests/${tag}`
    const response = await connection.ask({ method: 'DELETE', path }, purpose, [200, 202, 204, 400, 404, 405, 501])
    if (response.status < 400) return discard(response)
    const { message } = refused(connection.attempt(purpose), response.status, await wordsOf(response))
    throw new TareError('REGISTRY_REFUSED', message, {
      remedy:
        'Not every registry can delete only a tag. Without --tag-only the manifest is deleted, with every tag that points to it.',
    })
  }

  /**
   * Rejects unless the registry accepts the credentials. Returns an identity token to be used instead of the password, if it
   * issues one.
   */
  async login(): Promise<string | undefined> {
    const { connection } = this.endpoint
    const purpose: Purpose = { action: `log in to ${this.host}`, lasting: true }
    discard(await connection.ask({ method: 'GET', path: '/v2/' }, purpose, [200]))
    return connection.identityToken()
  }

  /** Returns how somebody else can be let in here with our login; undefined if we have none, or none is asked for. */
  delegate(): Promise<Delegation | undefined> {
    return this.endpoint.connection.delegate({
      action: `hand on the login for ${this.host}`,
      repository: this.repository,
    })
  }

  close(): void {
    this.mirrored.close()
  }

  private async mountAll(there: string, blob: Descriptor, depth = 0): Promise<void> {
    const { connection, repository } = this.endpoint
    refuseTower(depth, `the index ${blob.digest}`)
    if (await hasManifest(connection, there, blob, true)) return
    const bytes = await readManifest(connection, repository, blob)
    if (isIndexType(blob.mediaType)) {
      for (const child of parseIndex(bytes, blob.digest).manifests) await this.mountAll(there, child, depth + 1)
    } else {
      const { layers, config } = parseManifest(bytes, blob.digest)
      for (const child of [...layers, config]) {
        const open = async () => download(connection, repository, child)
        await upload(connection, there, child, { open, once: true }, [repository])
      }
    }
    await this.putDocument(there, blob.digest, blob, bytes)
  }

  /** Returns a manifest's subject; undefined also if it cannot be read. */
  private async referralThere(blob: Descriptor): Promise<Referral | undefined> {
    const { connection, repository } = this.endpoint
    try {
      return referralOf(blob, await readManifest(connection, repository, blob))
    } catch (error) {
      if (error instanceof TareError && /^(?:BLOB|MANIFEST)_/.test(error.code)) return undefined
      throw error
    }
  }

  private async putDocument(repository: string, name: string, blob: Descriptor, bytes: Buffer): Promise<void> {
    const { connection } = this.endpoint
    const { listsReferrers } = await putManifest(connection, repository, name, blob, bytes)
    const referral = listsReferrers ? undefined : referralOf(blob, bytes)
    if (referral !== undefined) await addReferrer(connection, repository, referral)
  }

  /** Whether another repository of this registry is really on the same host. */
  reaches(repository: string): boolean {
    return this.within([repository]).length > 0
  }

  /** Returns repositories by their real names; those that are elsewhere or blocked are dropped. */
  private within(repositories: readonly string[]): readonly string[] {
    const { environment = {} } = this.options
    return repositories.flatMap((repository) => {
      try {
        const { origin } = findEndpoints(this.host, repository, { environment })
        return origin.host === this.endpoint.host ? [origin.repository] : []
      } catch (error) {
        if (error instanceof TareError) return []
        throw error
      }
    })
  }

  private reallyAt(repository: string): string {
    const [there] = this.within([repository])
    if (there === undefined) throw new Error(`${this.host}/${repository} is not where ${this.repository} is`)
    return there
  }
}
