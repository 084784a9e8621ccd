import type { IncomingMessage } from 'node:http'
import { type Digest, type HistoryEntry, isDigest } from '../../../oci/index.ts'
import { type Bytes, collect, TareError } from '../../../support/index.ts'
import type { Engine } from '../engine/index.ts'
import type { PushLogin } from '../results/pushed-by-engine.ts'

/** An image of a daemon, as its API describes it. */
export interface DaemonImage {
  readonly id: string
  readonly diffIds: readonly Digest[]
  /** Lowest first; times are whole seconds. */
  readonly history: readonly HistoryEntry[]
  /** Whether its archive has layers under their digests: since docker 25. */
  readonly isSavedByDigest: boolean
}

const longestAnswer = 16 << 20

/** The images of a docker daemon, over its API. Methods reject with `ENGINE_INVALID` for what the daemon refuses. */
export class DaemonImages {
  private readonly engine: Engine
  private readonly signal: AbortSignal
  /** The version of the API: `1.45`. */
  private api = 0

  constructor(engine: Engine, signal: AbortSignal) {
    this.engine = engine
    this.signal = signal
  }

  /** Returns the ID of an image; undefined if there is none of that name. */
  async idOf(name: string): Promise<string | undefined> {
    const response = await this.engine.request('GET', `/images/${name}/json`, this.signal)
    const text = await textOf(response)
    if (response.statusCode === 404) return undefined
    return (this.parsed(response, text) as { Id: string }).Id
  }

  async describe(name: string): Promise<DaemonImage> {
    const [image, history] = (await Promise.all([
      this.get(`/images/${name}/json`),
      this.get(`/images/${name}/history`),
    ])) as [
      { Id: string; RootFS: { Layers?: readonly string[] | null } },
      { Created: number; CreatedBy: string; Size: number }[],
    ]
    const diffIds = (image.RootFS.Layers ?? []).filter(isDigest)
    const entries = history.toReversed()
    return {
      id: image.Id,
      diffIds,
      isSavedByDigest: this.api >= 1.44,
      history: entries.map(({ Created, CreatedBy }) => ({
        created: `${new Date(Created * 1000).toISOString().slice(0, 19)}Z`,
        created_by: CreatedBy,
      })),
    }
  }

  /** Returns the names of images that match one of the patterns. */
  async namesLike(references: readonly string[]): Promise<readonly string[]> {
    const filters = encodeURIComponent(JSON.stringify({ reference: references }))
    const images = (await this.get(`/images/json?filters=${filters}`)) as { RepoTags?: readonly string[] | null }[]
    return images.flatMap(({ RepoTags }) => RepoTags ?? [])
  }

  /** Returns the archive of an image. */
  async open(name: string): Promise<Bytes> {
    const response = await this.engine.request('GET', `/images/${name}/get`, this.signal)
    if (response.statusCode !== 200) this.parsed(response, await textOf(response))
    return response as AsyncIterable<Uint8Array> as Bytes
  }

  /** Loads the image of an archive. */
  async load(archive: Bytes): Promise<void> {
    const headers = { 'Content-Type': 'application/x-tar' }
    const response = await this.engine.request('POST', '/images/load?quiet=1', this.signal, { headers, body: archive })
    await this.told(response)
  }

  /** Gives a name, `repository:tag`, to an image. */
  async tag(image: string, name: string): Promise<void> {
    const at = name.lastIndexOf(':')
    const query = `repo=${encodeURIComponent(name.slice(0, at))}&tag=${encodeURIComponent(name.slice(at + 1))}`
    const response = await this.engine.request('POST', `/images/${image}/tag?${query}`, this.signal)
    this.parsed(response, await textOf(response))
  }

  /** Has the daemon push an image. Returns the digest of its manifest in the registry. */
  async push(name: string, login: PushLogin | undefined): Promise<string> {
    const at = name.lastIndexOf(':')
    const path = `/images/${name.slice(0, at)}/push?tag=${encodeURIComponent(name.slice(at + 1))}`
    // Go's decoder wants the padding; without it, a daemon takes the login for none.
    const auth = Buffer.from(JSON.stringify(login ?? {}))
      .toString('base64')
      .replaceAll('+', '-')
      .replaceAll('/', '_')
    const headers = { 'X-Registry-Auth': auth }
    const lines = await this.told(await this.engine.request('POST', path, this.signal, { headers }))
    const digest = lines.map(({ aux }) => aux?.Digest).findLast((one) => one !== undefined)
    if (digest === undefined || !isDigest(digest)) throw this.invalid('does not tell what it has pushed')
    return digest
  }

  /** Removes a name, also after the build was canceled. */
  async remove(name: string): Promise<void> {
    const response = await this.engine.request('DELETE', `/images/${name}`, AbortSignal.timeout(10_000))
    response.resume()
  }

  private async get(path: string): Promise<unknown> {
    const response = await this.engine.request('GET', path, this.signal)
    this.api = Number(response.headers['api-version'] ?? 0)
    return this.parsed(response, await textOf(response))
  }

  private parsed({ statusCode = 0 }: IncomingMessage, text: string): unknown {
    if (statusCode < 200 || statusCode >= 300) throw this.invalid(`refuses: ${messageIn(text)}`)
    try {
      return text === '' ? undefined : (JSON.parse(text) as unknown)
    } catch (cause) {
      throw this.invalid('does not answer with JSON', cause)
    }
  }

  /** Reads progress to its end; an error stands in it. */
  private async told(response: IncomingMessage): Promise<readonly Told[]> {
    const text = await textOf(response)
    if (response.statusCode !== 200) this.parsed(response, text)
    const lines = text.split('\n').flatMap((line): Told[] => (line.trim() === '' ? [] : [JSON.parse(line) as Told]))
    const failed = lines.find(({ error }) => error !== undefined)
    if (failed !== undefined) throw this.invalid(`fails: ${failed.error}`)
    return lines
  }

  private invalid(what: string, cause?: unknown): TareError {
    return new TareError('ENGINE_INVALID', `the docker daemon ${this.engine.name} ${what}`, { cause })
  }
}

interface Told {
  readonly error?: string
  readonly aux?: { readonly Digest?: string }
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message: string }).message
  } catch {
    return text.trim().slice(0, 500)
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  try {
    return (await collect(response as AsyncIterable<Uint8Array> as Bytes, longestAnswer)).toString('utf8')
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new TareError('ENGINE_INVALID', 'the engine’s answer is too long')
  }
}
