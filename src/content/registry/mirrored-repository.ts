import { type Environment, Http, type RetrySettings, readProxies } from '../../net/index.ts'
import type { Descriptor } from '../../oci/index.ts'
import { type Bytes, collect, flow, messageOf, TareError } from '../../support/index.ts'
import { verified } from '../index.ts'
import { type Credentials, findLogin, type Login } from './auth/index.ts'
import type { Endpoint, Endpoints } from './config/index.ts'
import { Connection } from './connection.ts'
import { download, readBlob } from './download.ts'
import type { Purpose } from './identity.ts'

export interface PlaceSettings {
  readonly environment: Environment
  /** For the origin only; mirrors never get them. */
  readonly credentials?: Credentials | undefined
  readonly idleTimeout: number
  readonly retries: RetrySettings
  /** Called with problems that are not errors. */
  readonly warn?: ((message: string) => void) | undefined
}

// A mirror is there to be faster, so it must not delay the origin for long.
const mirrorPatience = 20_000
const mirrorAttempts = 2
const mirrorWait = 1_000

/** An endpoint with its connection. */
export class EndpointClient {
  /** As in image names. */
  readonly host: string
  readonly repository: string
  readonly connection: Connection
  private readonly http: Http

  constructor({ host, repository, insecure, plain, api, namespace, own }: Endpoint, settings: PlaceSettings) {
    const { environment, idleTimeout, retries } = settings
    this.host = host
    this.repository = repository
    this.http = new Http({
      idleTimeout,
      unchecked: insecure,
      trust: { host, environment, own },
      proxies: readProxies(environment),
      signal: retries.signal,
    })
    const found = new Map<string, Promise<Login>>()
    const credentials = async ({ repository: asked = repository, actions = 'pull' }: Purpose): Promise<Login> => {
      if (settings.credentials !== undefined) return { credentials: settings.credentials }
      const known = found.get(asked) ?? findLogin(host, asked, environment)
      found.set(asked, known)
      const login = await known
      if (login.failure === undefined) return login
      // Reading often works anonymously, writing rarely.
      if (login.credentials === undefined && actions !== 'pull') throw login.failure
      settings.warn?.(`${login.failure.message}: continuing without it`)
      return login
    }
    this.connection = new Connection(host, this.http, retries, { insecure, plain, api, namespace, credentials })
  }

  close(): void {
    this.http.close()
  }
}

// Configs and the like.
const small = 1 << 20

interface Mirror {
  readonly endpoint: EndpointClient
  /** Why it is no longer used. */
  failure?: string
}

/** Reads a repository from its mirrors, in order, then from its origin. Writes go to the origin. */
export class MirroredRepository {
  readonly origin: EndpointClient
  private readonly mirrors: readonly Mirror[]
  private readonly signal: AbortSignal | undefined
  /** The mirrors' failures in the last read that reached the origin. */
  private passed: readonly string[] = []
  private gaveBytes = false

  constructor({ origin, mirrors }: Endpoints, settings: PlaceSettings) {
    const { idleTimeout, retries } = settings
    this.signal = retries.signal
    this.origin = new EndpointClient(origin, settings)
    const hasty: PlaceSettings = {
      ...settings,
      credentials: undefined,
      idleTimeout: Math.min(idleTimeout, mirrorPatience),
      retries: { ...retries, attempts: Math.min(retries.attempts, mirrorAttempts), longestWait: mirrorWait },
    }
    this.mirrors = mirrors.map((mirror) => ({ endpoint: new EndpointClient(mirror, hasty) }))
  }

  /** Describes why mirrors failed when the origin was last used; undefined if they did not. */
  get said(): string | undefined {
    return this.passed.length === 0 ? undefined : this.passed.join('; ')
  }

  close(): void {
    for (const { endpoint } of this.mirrors) endpoint.close()
    this.origin.close()
  }

  /** Returns the first result; undefined if no endpoint has it. Errors are the origin's, and mention the mirrors. */
  async read<T>(ask: (endpoint: EndpointClient) => Promise<T | undefined>): Promise<T | undefined> {
    return (await this.find(ask)).answer
  }

  /** Returns a blob's bytes, verified. If a mirror breaks off, the next endpoint supplies the rest. */
  async open(blob: Descriptor): Promise<Bytes> {
    // Small blobs from a mirror are verified before being passed on.
    if (this.mirrors.length > 0 && blob.size <= small)
      return flow((await this.read((endpoint) => readSmall(endpoint, blob)))!)
    const first = await this.findBlob(blob, 0)
    const { connection, repository } = first.endpoint
    return verified(this.wholeBlob(blob, first), blob, `${connection.host}/${repository}`)
  }

  /**
   * Must be called after corrupt bytes: stops using mirrors if one supplied some, and returns whether another attempt may help.
   */
  dropMirrors(error: unknown): boolean {
    if (!this.gaveBytes) return false
    this.gaveBytes = false
    for (const mirror of this.mirrors) mirror.failure ??= reasonOf(error, mirror.endpoint)
    return true
  }

  private async find<T>(ask: (endpoint: EndpointClient) => Promise<T | undefined>): Promise<Found<T>> {
    const passed: string[] = []
    for (const mirror of this.mirrors) {
      const { endpoint } = mirror
      if (mirror.failure === undefined) {
        try {
          const answer = await ask(endpoint)
          if (answer !== undefined) return { answer, endpoint, mirror }
          passed.push(`${endpoint.connection.host} does not have it`)
        } catch (error) {
          if (this.signal?.aborted || !isTheirs(error)) throw error
          passed.push(reasonOf(error, endpoint))
          if (isLasting(error)) mirror.failure = reasonOf(error, endpoint)
        }
      } else passed.push(mirror.failure)
    }
    this.passed = passed
    try {
      return { answer: await ask(this.origin), endpoint: this.origin }
    } catch (error) {
      throw this.signal?.aborted ? error : tellingOf(passed, error)
    }
  }

  private async findBlob(blob: Descriptor, from: number): Promise<Found<Bytes> & { readonly answer: Bytes }> {
    const found = await this.find(({ connection, repository }) => readBlob(connection, repository, blob, from))
    return { ...found, answer: found.answer! }
  }

  private async *wholeBlob(blob: Descriptor, first: Found<Bytes> & { readonly answer: Bytes }): Bytes {
    let found = first
    for (let at = 0; ; ) {
      const { mirror, endpoint } = found
      if (mirror !== undefined) this.gaveBytes = true
      try {
        for await (const chunk of found.answer) {
          at += chunk.length
          yield chunk
        }
        if (mirror === undefined || at >= blob.size) return
        mirror.failure = `${endpoint.connection.host} has only ${at} of the ${blob.size} bytes of ${blob.digest}`
      } catch (error) {
        if (mirror === undefined || this.signal?.aborted || !isTheirs(error)) throw error
        mirror.failure = reasonOf(error, endpoint)
      }
      found = await this.findBlob(blob, at)
    }
  }
}

async function readSmall({ connection, repository }: EndpointClient, blob: Descriptor): Promise<Buffer> {
  return collect(await download(connection, repository, blob), small)
}

interface Found<T> {
  readonly answer: T | undefined
  readonly endpoint: EndpointClient
  /** Undefined for the origin. */
  readonly mirror?: Mirror
}

/** Whether the error is about the endpoint or its configuration, not about what was requested. */
function isTheirs(error: unknown): error is TareError {
  return error instanceof TareError && /^(?:(?:REGISTRY|BLOB|MANIFEST)_|CERTIFICATES_INVALID$)/.test(error.code)
}

function isLasting({ code }: TareError): boolean {
  return /^(?:REGISTRY_|CERTIFICATES_)/.test(code) && code !== 'REGISTRY_NOT_FOUND'
}

/** Formats a reason such as `mirror.example:5000 answers 503`. */
function reasonOf(error: unknown, { connection: { host } }: EndpointClient): string {
  const message = messageOf(error)
  const at = message.lastIndexOf(`: ${host}`)
  return at === -1 ? `${host}: ${message}` : message.slice(at + 2)
}

function tellingOf(passed: readonly string[], error: unknown): unknown {
  if (passed.length === 0 || !(error instanceof TareError)) return error
  const { code, message, remedy, where } = error
  return new TareError(code, `${message}; mirrors failed: ${passed.join('; ')}`, {
    ...{ remedy, where, cause: error },
  })
}
