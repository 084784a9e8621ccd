import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { openArchive } from '../../content/archive/index.ts'
import type { MadeLayer } from '../../content/layers/index.ts'
import { isLeftBy, nameOfProcess } from '../../disk/index.ts'
import { type Host, unpackLimit } from '../../images/index.ts'
import type { Handlers } from '../../net/grpc/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import type { Engine } from './engine/index.ts'
import { type Expected, keepLayers } from './result.ts'
import { receiveService } from './session/index.ts'

/** How a result gets from an engine into the store. */
export interface ResultWay {
  readonly exporter: { readonly type: string; readonly attrs: Readonly<Record<string, string>> }
  /** What the session has to serve for it. */
  readonly handlers: Handlers
  begin(): Promise<void>
  /** Called with the exporter's answer. Returns the new layers, which are in the store. */
  finish(response: Readonly<Record<string, string>>): Promise<readonly MadeLayer[]>
  /** Removes what was only needed on the way. */
  close(): Promise<void>
}

interface ResultTools {
  readonly host: Host
  readonly expected: Expected
  readonly signal: AbortSignal
}

/** The engine sends an OCI layout through the session. */
export function receiveOverSession({ host, expected, signal }: ResultTools): ResultWay {
  let kept: Promise<readonly MadeLayer[]> | undefined
  const take = async (bytes: Bytes) => {
    kept = keepFrom(bytes, { host, expected, signal })
    await kept
  }
  return {
    // Compressing for a way within one machine would only take time; over a network the engine's own layers are small.
    exporter: { type: 'oci', attrs: {} },
    handlers: receiveService({ take }),
    begin: async () => {},
    finish: async () => {
      if (kept === undefined)
        throw new TareError(
          'ENGINE_INVALID',
          `the engine ${expected.engine} ended the build without sending its result`,
        )
      return kept
    },
    close: async () => {
      await kept?.catch(() => {})
    },
  }
}

const temporary = 'tare.invalid/build'

/** The engine keeps an image under a temporary name in its daemon, which is read from there. */
export function throughDaemon(engine: Engine, { host, expected, signal }: ResultTools): ResultWay {
  const name = `${temporary}:${nameOfProcess()}-${Date.now()}-${randomBytes(4).toString('hex')}`
  const remove = async (image: string) => {
    // Also after the build was canceled.
    const response = await engine.request('DELETE', `/images/${image}`, AbortSignal.timeout(10_000))
    response.resume()
  }
  return {
    exporter: { type: 'moby', attrs: { name } },
    handlers: [],
    begin: async () => {
      const found = await leftovers(engine, signal).catch((error: unknown) => {
        signal.throwIfAborted()
        throw new TareError(
          'ENGINE_UNSUPPORTED',
          `${engine.name} leaves its images to a docker daemon whose API is not at the same address`,
          {
            cause: error,
            remedy: 'Use the address of the daemon itself.',
          },
        )
      })
      for (const image of found) await remove(image)
    },
    finish: async () => {
      const response = await engine.request('GET', `/images/${name}/get`, signal)
      if (response.statusCode !== 200)
        throw new TareError(
          'ENGINE_INVALID',
          `the engine ${engine.name} does not hand over its image: ${await textOf(response)}`,
        )
      return keepFrom(response as AsyncIterable<Uint8Array> as Bytes, { host, expected, signal })
    },
    close: () => remove(name).catch(() => {}),
  }
}

/** Temporary names of builds that ended without removing them. */
async function leftovers(engine: Engine, signal: AbortSignal): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ reference: [temporary] }))
  const response = await engine.request('GET', `/images/json?filters=${filters}`, signal)
  if (response.statusCode !== 200) {
    response.resume()
    return []
  }
  const images = JSON.parse(await textOf(response)) as { RepoTags?: readonly string[] | null }[]
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith(`${temporary}:`))
  return names.filter((tag) => isLeft(tag.slice(temporary.length + 1)))
}

/** Processes of other machines cannot be asked: their builds have a day. */
function isLeft(tag: string): boolean {
  const started = Number(tag.split('-')[3])
  return isLeftBy(tag, 0) && (isOfThisMachine(tag) || !(Math.abs(Date.now() - started) < 24 * 3600 * 1000))
}

function isOfThisMachine(tag: string): boolean {
  return tag.split('-')[0] === nameOfProcess().split('-')[0]
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) {
    text += (chunk as Buffer).toString('utf8')
    if (text.length > 16 << 20) throw new TareError('ENGINE_INVALID', 'the engine’s answer is too long')
  }
  return text
}

async function keepFrom(bytes: Bytes, { host, expected, signal }: ResultTools): Promise<readonly MadeLayer[]> {
  const archive = await openArchive(bytes, {
    scratch: host.store.reserve().path,
    unpackLimit: unpackLimit(host),
    signal,
  })
  try {
    const images = await archive.images()
    if (images.length !== 1)
      throw new TareError(
        'ENGINE_INVALID',
        `the engine ${expected.engine} returned ${images.length} images instead of one`,
      )
    return await keepLayers(host, images[0]!, expected, signal)
  } finally {
    await archive.close()
  }
}
