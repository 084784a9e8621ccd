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
import type { Purpose } from './identity.ts'
import { hasManifest, isDocument, putManifest, readManifest, resolveManifest } from './manifests.ts'
import { Places, type Transport } from './places.ts'
import { fetchReferrers } from './referrers.ts'
import { addReferrer, type Referral, referralOf, removeReferrer } from './subjects.ts'
import { isEmpty, listTags } from './tags.ts'
import { hasBlob, mount, type Upload, type Uploaded, upload } from './upload.ts'
import { UploadAhead } from './upload-ahead.ts'

export interface RegistryOptions {
  /** Where blobs are read and written: a registry keeps them by repository. */
  readonly repository: string
  /** Whose config files, proxies, certificates and rules for registries count. Default: nobody's. */
  readonly environment?: Environment | undefined
  /** How the image is named that is to be read: its mirrors are asked first, those that are for such a name. Default: no mirror is asked. */
  readonly namedBy?: NamedBy | undefined
  /** Instead of those that the config files have. */
  readonly credentials?: Credentials | undefined
  /** Certificates are not checked, and http is tried after https. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Is told what went wrong and is no error, such as a credential helper that is missing. */
  readonly warn?: ((message: string) => void) | undefined
  /** Milliseconds without a byte after which a connection counts as lost. Default: 60,000. */
  readonly idleTimeout?: number | undefined
  /** How often something is tried in all. Default: 5. */
  readonly attempts?: number | undefined
  /** Milliseconds before the second try. Default: 400. */
  readonly retryDelay?: number | undefined
}

// Smaller blobs are read first, so that they can be sent again.
const small = 1 << 20

/**
 * Opens a registry, by the name that stands in image names; where that really is, configuration says. Nothing is asked
 * before the first question. Throws `REGISTRY_BLOCKED` and `REGISTRIES_INVALID`.
 */
export function openRegistry(host: string, options: RegistryOptions): Registry {
  return new Registry(host, options)
}

/** A repository of a registry, as a place that images come from and go to. */
export class Registry implements Target {
  readonly host: string
  readonly repository: string
  private readonly options: RegistryOptions
  private readonly places: Places
  private readonly place: Transport

  constructor(host: string, options: RegistryOptions) {
    const { repository, environment = {}, credentials, insecure, namedBy, signal, warn } = options
    const { idleTimeout = 60_000, attempts = 5, retryDelay = 400 } = options
    this.host = host
    this.repository = repository
    this.options = options
    const retries = { attempts, delay: retryDelay, longestWait: 60_000, signal }
    const endpoints = findEndpoints(host, repository, { environment, insecure, namedBy })
    for (const fault of endpoints.faults) warn?.(`${fault}: going on without it`)
    this.places = new Places(endpoints, { environment, credentials, idleTimeout, retries, warn })
    this.place = this.places.origin
  }

  /** The host that really has it. */
  get origin(): string {
    return this.place.connection.host
  }

  /** What mirrors had to say when the registry was asked last; undefined for nothing. */
  get mirrorsSaid(): string | undefined {
    return this.places.said
  }

  /** Rejects with `REGISTRY_DENIED` and others; see failure.ts. */
  resolve(name: Reference): Promise<Descriptor | undefined> {
    const { repository, digest, tag = 'latest' } = name
    const ask = ({ connection }: Transport, there: string) =>
      resolveManifest(connection, there, digest ?? tag, formatReference(name))
    if (repository !== this.repository) return ask(this.place, this.reallyAt(repository))
    return this.places.read((place) => ask(place, place.repository))
  }

  async open(blob: Descriptor): Promise<Bytes> {
    if (!isDocument(blob)) return this.places.open(blob)
    const bytes = await this.places.read((place) => readManifest(place.connection, place.repository, blob))
    return flow(bytes!)
  }

  /** After bytes of a mirror, all mirrors are passed over from now on. */
  distrust(error: unknown): boolean {
    return this.places.dropMirrors(error)
  }

  async has(blob: Descriptor): Promise<boolean> {
    const { connection, repository } = this.place
    return (isDocument(blob) ? hasManifest : hasBlob)(connection, repository, blob)
  }

  async put(blob: Descriptor, open: () => Promise<Bytes>): Promise<void> {
    const { connection, repository } = this.place
    if (isDocument(blob)) {
      const bytes = await collect(verified(await open(), blob), documentLimit)
      // One with a subject may be there, and not in the list of what refers to that.
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

  /** Uploads a blob whose bytes can be opened again, or has it mounted from another repository here. */
  upload(blob: Descriptor, bytes: Upload, mounts: readonly string[] = []): Promise<Uploaded> {
    return upload(this.place.connection, this.place.repository, blob, bytes, this.within(mounts))
  }

  /** Begins an upload of bytes that are still being made. */
  uploadAhead(): Promise<UploadAhead> {
    return UploadAhead.begin(this.place.connection, this.place.repository)
  }

  /** Whether there is nothing in the repository that has a name, so that no blob is there already. Where that cannot be told, there is. */
  isEmpty(): Promise<boolean> {
    return isEmpty(this.place.connection, this.place.repository)
  }

  /** Takes a blob over from other repositories here, without a byte. undefined: it is not to be had that way. */
  mount(blob: Descriptor, mounts: readonly string[]): Promise<Uploaded | undefined> {
    return mount(this.place.connection, this.place.repository, blob, this.within(mounts))
  }

  /** A name in another repository than this one gets the image there, too, by mounts. */
  async tag(name: Reference, blob: Descriptor): Promise<void> {
    const { connection, repository } = this.place
    const there = this.reallyAt(name.repository)
    if (there !== repository) await this.mountAll(there, blob)
    const bytes = await readManifest(connection, repository, blob)
    await this.putDocument(there, name.tag ?? blob.digest, blob, bytes)
  }

  /** All tags of the repository, in the registry's order. */
  tags(): Promise<readonly string[]> {
    return listTags(this.place.connection, this.place.repository)
  }

  /** What names a manifest of the repository as its subject; of one artifact type, or of all. */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return fetchReferrers(this.place.connection, this.place.repository, digest, artifactType)
  }

  /** Removes a manifest, and with it every tag that points at it. */
  async remove(blob: Descriptor): Promise<void> {
    const { connection, repository } = this.place
    const { digest } = blob
    // Afterwards nobody can say any more what it spoke of.
    const referral = await this.referralThere(blob)
    const purpose: Purpose = { action: `remove ${digest} from ${repository}`, repository, actions: 'delete' }
    const path = `/v2/${repository}/manifests/${digest}`
    discard(await connection.ask({ method: 'DELETE', path }, purpose, [200, 202, 204]))
    if (referral !== undefined) await removeReferrer(connection, repository, referral)
  }

  /** Removes a tag, and nothing else. Not every registry does that: rejects with `REGISTRY_REFUSED`. */
  async removeTag(tag: string): Promise<void> {
    const { connection, repository } = this.place
    const purpose: Purpose = { action: `remove the tag ${tag} from ${repository}`, repository, actions: 'delete' }
    const path = `/v2/${repository}/manifests/${tag}`
    const response = await connection.ask({ method: 'DELETE', path }, purpose, [200, 202, 204, 400, 404, 405, 501])
    if (response.status < 400) return discard(response)
    const { message } = refused(connection.attempt(purpose), response.status, await wordsOf(response))
    throw new TareError('REGISTRY_REFUSED', message, {
      remedy:
        'Not every registry can remove only a tag. Without --tag-only the manifest is removed, with every tag that points at it.',
    })
  }

  /** Rejects unless the registry takes the credentials. Answers an identity token, which does instead of the password, where it gives one. */
  async login(): Promise<string | undefined> {
    const { connection } = this.place
    const purpose: Purpose = { action: `log in to ${this.host}`, lasting: true }
    discard(await connection.ask({ method: 'GET', path: '/v2/' }, purpose, [200]))
    return connection.identityToken()
  }

  close(): void {
    this.places.close()
  }

  private async mountAll(there: string, blob: Descriptor, depth = 0): Promise<void> {
    const { connection, repository } = this.place
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

  /** What a manifest there speaks of; undefined also where it cannot be read. */
  private async referralThere(blob: Descriptor): Promise<Referral | undefined> {
    const { connection, repository } = this.place
    try {
      return referralOf(blob, await readManifest(connection, repository, blob))
    } catch (error) {
      if (error instanceof TareError && /^(?:BLOB|MANIFEST)_/.test(error.code)) return undefined
      throw error
    }
  }

  private async putDocument(repository: string, name: string, blob: Descriptor, bytes: Buffer): Promise<void> {
    const { connection } = this.place
    const { listsReferrers } = await putManifest(connection, repository, name, blob, bytes)
    const referral = listsReferrers ? undefined : referralOf(blob, bytes)
    if (referral !== undefined) await addReferrer(connection, repository, referral)
  }

  /** Whether another repository of this registry really is where this one is. */
  reaches(repository: string): boolean {
    return this.within([repository]).length > 0
  }

  /** Repositories as they are called where this one really is; those that are elsewhere, or blocked, are left out. */
  private within(repositories: readonly string[]): readonly string[] {
    const { environment = {} } = this.options
    return repositories.flatMap((repository) => {
      try {
        const { origin } = findEndpoints(this.host, repository, { environment })
        return origin.host === this.place.host ? [origin.repository] : []
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
