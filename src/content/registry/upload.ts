import { discard, type HttpResponse, mayPass, pause, waitOf } from '../../net/index.ts'
import type { Descriptor } from '../../oci/index.ts'
import type { Bytes } from '../../support/index.ts'
import { type Connection, TokenExpired } from './connection.ts'
import { nonsense, refused, wordsOf } from './failure.ts'
import type { Purpose } from './identity.ts'

/** Bytes that are to go up. */
export interface Upload {
  /** The bytes from an offset on. With `once`, only from 0 and only once. */
  open(from: number): Promise<Bytes>
  readonly once?: boolean
}

// What registries answer when they take something.
const taken = [200, 201, 202, 204]

/** How a blob came to be there. */
export type Uploaded = 'existing' | 'mounted' | 'uploaded'

/** Whether the repository has the blob; where that cannot be told, it has not. With `push`, the token is that of the upload that may follow: a repository that is not there yet can't be read. */
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
  if (response !== undefined) discard(response)
  return response !== undefined
}

/** Takes the blob over from another repository of the same registry, if it lets us. Answers where an upload may begin if not. */
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
    // Whoever may not read there, or have a token for both, uploads.
    const response = await connection.askOptional({ method: 'POST', path }, { ...purpose, from }, taken, true)
    if (response !== undefined) {
      discard(response)
      if (response.status === 201) return 'mounted'
      if (response.headers.location !== undefined) return response
    }
  }
  return begin(connection, repository)
}

/** Begins an upload. The answer says where to. */
export async function begin(connection: Connection, repository: string): Promise<HttpResponse> {
  const purpose: Purpose = { action: `upload to ${repository}`, repository, actions: 'pull,push' }
  const path = `/v2/${repository}/blobs/uploads/`
  const response = await connection.ask({ method: 'POST', path }, purpose, taken)
  discard(response)
  return response
}

/**
 * Puts a blob into the repository: not at all when it is there, by a mount from one of `mounts` when that works, else by
 * its bytes. What breaks is taken up again where the registry says it stopped.
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

/** Takes a blob over from other repositories of the same registry. Answers whether it is in this one now. */
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
    // Nobody will use it; where it cannot be taken back, it expires.
    const purpose: Purpose = { action: `end an upload to ${repository}`, repository, actions: 'pull,push' }
    const path = placeOf(session, connection, repository)
    const ended = await connection.askOnce({ method: 'DELETE', path }, purpose, [200, 202, 204]).catch(() => undefined)
    if (ended !== undefined) discard(ended)
  }
  return undefined
}

const mostRedirects = 5

/** An upload under way: one blob, at the place that the registry gave it. */
export class Session {
  private readonly connection: Connection
  private readonly blob: Descriptor
  private readonly bytes: Upload
  private readonly purpose: Purpose
  private readonly repository: string
  private place: URL

  constructor(connection: Connection, repository: string, blob: Descriptor, bytes: Upload, place: URL) {
    this.connection = connection
    this.repository = repository
    this.blob = blob
    this.bytes = bytes
    this.place = place
    this.purpose = { action: `upload ${blob.digest} to ${repository}`, repository, actions: 'pull,push' }
  }

  /** Sends the bytes; with `begun`, those that the registry does not have yet. */
  async run(begun = false): Promise<void> {
    const { connection, bytes } = this
    let at = begun ? await this.reached() : 0
    if (at === this.blob.size) return
    for (let tries = 1; ; ) {
      try {
        return await this.send(at)
      } catch (error) {
        const isLost = error instanceof SessionLost
        const { attempts, longestWait } = connection.retries
        const wait = waitOf(error) ?? 0
        const mayRetry = !bytes.once && tries < attempts && wait <= longestWait && (isLost || isBroken(error))
        if (!mayRetry) throw isLost ? error.error : error
        await pause(connection.retries, tries, wait)
        const reached = isLost ? await this.restart() : await this.reached()
        // The answer was lost, not the bytes.
        if (reached === this.blob.size) return
        tries = reached > at ? 1 : tries + 1
        at = reached
      }
    }
  }

  /** In one go, and from an offset on in two: the rest, then the digest. */
  private async send(at: number): Promise<void> {
    const { connection, blob } = this
    const headers = { 'Content-Type': 'application/octet-stream' }
    const length = blob.size - at
    // The bytes are there for one try: the loop around this opens them again.
    if (at === 0) {
      discard(await this.deliver('PUT', this.sealed(), headers, at, [404]))
      return
    }
    if (length > 0) {
      const range = { ...headers, 'Content-Range': `${at}-${blob.size - 1}` }
      const response = await this.deliver('PATCH', this.place, range, at, [400, 404, 416])
      discard(response)
      this.place = placeOf(response, connection, this.repository)
    }
    discard(await this.accepted(await this.close()))
  }

  /** Sends the bytes from an offset on; to where a redirect says, they are opened again. `lost` are the statuses of a session that is gone. */
  private async deliver(
    method: 'PUT' | 'PATCH',
    place: URL,
    headers: Readonly<Record<string, string>>,
    at: number,
    lost: readonly number[],
  ): Promise<HttpResponse> {
    const { connection, blob, bytes, purpose } = this
    let path = place
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

  /** Ends an upload of which all bytes are there; where the registry has others than it should, it begins again. */
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

  /** Of an upload that was taken up again, bytes of the broken connection may still have arrived: then nothing fits any more. */
  private async accepted(response: HttpResponse): Promise<HttpResponse> {
    if (response.status >= 400) {
      const words = await wordsOf(response)
      throw new SessionLost(refused(this.connection.attempt(this.purpose), response.status, words))
    }
    return response
  }

  /** How many bytes the registry has of this upload; 0 in a new one when it knows nothing of the old. */
  private async reached(): Promise<number> {
    const { connection, blob, purpose, repository } = this
    if (await hasBlob(connection, repository, blob, true)) return blob.size
    const response = await connection.ask(
      { method: 'GET', path: this.place },
      purpose,
      [200, 202, 204, 400, 404, 405, 416],
    )
    discard(response)
    const end = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.range ?? '')?.[1]
    if (response.status < 300 && end !== undefined) {
      if (response.headers.location !== undefined) this.place = placeOf(response, connection, repository)
      // `0-0` may mean one byte, or none at all: begin again.
      if (Number(end) > 0 && Number(end) < blob.size) return Number(end) + 1
    }
    return this.restart()
  }

  private async restart(): Promise<number> {
    const { connection, repository } = this
    const session = await begin(connection, repository)
    this.place = placeOf(session, connection, repository)
    return 0
  }

  private sealed(): URL {
    const url = new URL(this.place)
    url.searchParams.set('digest', this.blob.digest)
    return url
  }
}

/** The registry knows nothing of the upload, or something else than we do. */
class SessionLost extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('the upload has to begin again')
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
