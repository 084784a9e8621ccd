import { discard, type HttpResponse, mayPass, pause, waitOf } from '../../net/index.ts'
import type { Descriptor } from '../../oci/index.ts'
import type { Bytes } from '../../support/index.ts'
import { type Connection, TokenExpired } from './connection.ts'
import { nonsense, refused, wordsOf } from './failure.ts'
import type { Purpose } from './identity.ts'

/** The bytes to upload. */
export interface Upload {
  /** Returns the bytes from an offset. With `once`, only from 0 and only once. */
  open(from: number): Promise<Bytes>
  readonly once?: boolean
}

// The statuses with which registries accept something.
const taken = [200, 201, 202, 204]

/** How a blob got there. */
export type Uploaded = 'existing' | 'mounted' | 'uploaded'

/**
 * Whether the repository has the blob; false if unknown. With `push`, uses the token for the upload that may follow: a repository
 * that does not exist yet cannot be read.
 */
export async function hasBlob(
  connection: Connection,
  repository: string,
  blob: Descriptor,
  push = false,
): Promise<boolean> {
  const actions = push ? 'pull,push' : 'pull'
  const purpose: Purpose = { action: `look for ${blob.digest} in ${repository}`, repository, actions }
  const path = `/v2/${repository}/blobs/${blob.digest}`
  const response = await connection.askOptional({ method: 'HEAD', path }, purpose, [200, 202, 204])
  if (response === undefined) return false
  discard(response)
  // A truncated one does not count for somebody who wants to read it.
  const said = response.headers['content-length']
  return push || response.status !== 200 || said === undefined || Number(said) === blob.size
}

/** Mounts the blob from another repository of the same registry if allowed; otherwise returns where to upload it. */
async function mountOrBegin(
  connection: Connection,
  repository: string,
  blob: Descriptor,
  from: string | undefined,
): Promise<HttpResponse | 'mounted'> {
  const purpose: Purpose = { action: `upload to ${repository}`, repository, actions: 'pull,push' }
  if (from !== undefined && from !== repository) {
    const query = new URLSearchParams({ mount: blob.digest, from })
    const path = `/v2/${repository}/blobs/uploads/?${query}`
    // Without the right to read there, or a token for both, falls back to an upload.
    const response = await connection.askOptional({ method: 'POST', path }, { ...purpose, from }, taken, true)
    if (response !== undefined) {
      discard(response)
      if (response.status === 201) return 'mounted'
      if (response.headers.location !== undefined) return response
    }
  }
  return begin(connection, repository)
}

/** Starts an upload and returns its URL. */
export async function begin(connection: Connection, repository: string): Promise<HttpResponse> {
  const purpose: Purpose = { action: `upload to ${repository}`, repository, actions: 'pull,push' }
  const path = `/v2/${repository}/blobs/uploads/`
  const response = await connection.ask({ method: 'POST', path }, purpose, taken)
  discard(response)
  return response
}

/**
 * Makes sure the repository has a blob: already there, mounted from one of `mounts`, or uploaded. Interrupted uploads resume
 * where the registry says they stopped.
 */
export async function upload(
  connection: Connection,
  repository: string,
  blob: Descriptor,
  bytes: Upload,
  mounts: readonly string[] = [],
): Promise<Uploaded> {
  if (await hasBlob(connection, repository, blob, true)) return 'existing'
  let session = await mountOrBegin(connection, repository, blob, mounts[0])
  for (const from of mounts.slice(1)) {
    if (session === 'mounted') break
    session = await mountOrBegin(connection, repository, blob, from)
  }
  if (session === 'mounted') return session
  await new Session(connection, repository, blob, bytes, placeOf(session, connection, repository)).run()
  return 'uploaded'
}

/** Mounts a blob from other repositories of the same registry. Returns whether the repository now has it. */
export async function mount(
  connection: Connection,
  repository: string,
  blob: Descriptor,
  mounts: readonly string[],
): Promise<Uploaded | undefined> {
  if (await hasBlob(connection, repository, blob, true)) return 'existing'
  for (const from of mounts) {
    if (from === repository) continue
    const session = await mountOrBegin(connection, repository, blob, from)
    if (session === 'mounted') return session
    // The upload is not needed; if it cannot be cancelled, it expires.
    const purpose: Purpose = { action: `end an upload to ${repository}`, repository, actions: 'pull,push' }
    const path = placeOf(session, connection, repository)
    const ended = await connection.askOnce({ method: 'DELETE', path }, purpose, [200, 202, 204]).catch(() => undefined)
    if (ended !== undefined) discard(ended)
  }
  return undefined
}

const mostRedirects = 5
/** How often a blob's upload may have to begin again. */
const mostLosses = 20

/** An upload in progress: one blob, at the URL assigned by the registry. */
export class Session {
  private readonly connection: Connection
  private readonly blob: Descriptor
  private readonly bytes: Upload
  private readonly purpose: Purpose
  private readonly repository: string
  private location: URL

  constructor(connection: Connection, repository: string, blob: Descriptor, bytes: Upload, location: URL) {
    this.connection = connection
    this.repository = repository
    this.blob = blob
    this.bytes = bytes
    this.location = location
    this.purpose = { action: `upload ${blob.digest} to ${repository}`, repository, actions: 'pull,push' }
  }

  /** Sends the bytes; with `begun`, only those the registry does not have yet. */
  async run(begun = false): Promise<void> {
    const { connection, bytes } = this
    const begunAt = begun ? await this.reached() : 0
    if (begunAt === undefined) return
    let at = begunAt
    for (let tries = 1, losses = 0; ; ) {
      try {
        return await this.send(at)
      } catch (error) {
        const isLost = error instanceof SessionLost
        const { attempts, longestWait } = connection.retries
        const wait = waitOf(error) ?? 0
        if (isLost) losses++
        // Over a network that breaks again and again, each new upload gets somewhere: that alone would never end.
        const isHopeless = tries >= attempts || losses >= mostLosses
        const mayRetry = !bytes.once && !isHopeless && wait <= longestWait && (isLost || isBroken(error))
        if (!mayRetry) throw isLost ? error.error : error
        await pause(connection.retries, tries, wait)
        const reached = isLost ? await this.restart() : await this.reached()
        // Only the response was lost.
        if (reached === undefined) return
        tries = reached > at ? 1 : tries + 1
        at = reached
      }
    }
  }

  /** Sends everything in one request, or from an offset in two: the rest, then the digest. */
  private async send(at: number): Promise<void> {
    const { connection, blob } = this
    const headers = { 'Content-Type': 'application/octet-stream' }
    const length = blob.size - at
    // The body can be read for one attempt; the caller's loop opens it again.
    if (at === 0) {
      discard(await this.deliver('PUT', this.sealed(), headers, at, [404]))
      return
    }
    if (length > 0) {
      const range = { ...headers, 'Content-Range': `${at}-${blob.size - 1}` }
      const response = await this.deliver('PATCH', this.location, range, at, [400, 404, 416])
      discard(response)
      this.location = placeOf(response, connection, this.repository)
    }
    discard(await this.accepted(await this.close()))
  }

  /** Sends the bytes from an offset, opening them again for a redirect target. `lost` are the statuses of an expired session. */
  private async deliver(
    method: 'PUT' | 'PATCH',
    location: URL,
    headers: Readonly<Record<string, string>>,
    at: number,
    lost: readonly number[],
  ): Promise<HttpResponse> {
    const { connection, blob, bytes, purpose } = this
    let path = location
    for (let hops = 0; ; hops++) {
      const source = await bytes.open(at)
      const question = { method, path, headers, body: () => source, length: blob.size - at }
      const response = await connection.askOnce(question, purpose, [...taken, ...lost, 307, 308])
      if (response.status !== 307 && response.status !== 308) return this.accepted(response)
      if (bytes.once || hops === mostRedirects)
        throw refused(connection.attempt(purpose), response.status, await wordsOf(response))
      discard(response)
      path = placeOf(response, connection, this.repository)
    }
  }

  /** Completes an upload that has received all bytes; starts over if the registry has the wrong ones. */
  async seal(): Promise<void> {
    const response = await this.close()
    if (response.status < 400) return discard(response)
    discard(response)
    await this.restart()
    await this.run()
  }

  private close(): Promise<HttpResponse> {
    const { connection, purpose } = this
    return connection.ask({ method: 'PUT', path: this.sealed() }, purpose, [...taken, 400, 404, 416])
  }

  /** If the upload was resumed, bytes of the broken connection may still have arrived, and the content is then wrong. */
  private async accepted(response: HttpResponse): Promise<HttpResponse> {
    if (response.status >= 400) {
      const words = await wordsOf(response)
      throw new SessionLost(refused(this.connection.attempt(this.purpose), response.status, words))
    }
    return response
  }

  /**
   * Returns how many bytes of the upload the registry has, which may be all of them; undefined if it has the blob; 0 for a new
   * upload if it does not know the old one.
   */
  private async reached(): Promise<number | undefined> {
    const { connection, blob, purpose, repository } = this
    if (await hasBlob(connection, repository, blob, true)) return undefined
    const response = await connection.ask(
      { method: 'GET', path: this.location },
      purpose,
      [200, 202, 204, 400, 404, 405, 416],
    )
    discard(response)
    const end = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.range ?? '')?.[1]
    if (response.status < 300 && end !== undefined) {
      if (response.headers.location !== undefined) this.location = placeOf(response, connection, repository)
      // `0-0` may mean one byte or none, so it starts over.
      if (Number(end) > 0 && Number(end) < blob.size) return Number(end) + 1
    }
    return this.restart()
  }

  private async restart(): Promise<number> {
    const { connection, repository } = this
    const session = await begin(connection, repository)
    this.location = placeOf(session, connection, repository)
    return 0
  }

  private sealed(): URL {
    const url = new URL(this.location)
    url.searchParams.set('digest', this.blob.digest)
    return url
  }
}

/** The registry does not know the upload, or disagrees about it. */
class SessionLost extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('the upload has to start over')
    this.error = error
  }
}

function isBroken(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (error instanceof TokenExpired) return true
  return (
    mayPass(error) ||
    code === 'REGISTRY_FAILED' ||
    code === 'REGISTRY_BUSY' ||
    (code === 'REGISTRY_UNREACHABLE' && mayPass(cause))
  )
}

export function placeOf(response: HttpResponse, { host }: Connection, repository: string): URL {
  const { location } = response.headers
  if (location !== undefined && URL.canParse(location, response.url.href)) return new URL(location, response.url)
  throw nonsense({ action: `upload to ${repository}`, host, repository }, 'does not say where to upload to')
}
