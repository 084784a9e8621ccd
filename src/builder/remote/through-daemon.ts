import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isLeftBy, nameOfProcess } from '../../disk/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'
import type { Engine } from './engine/index.ts'
import { keepFrom, type ResultTools, type ResultWay } from './results.ts'
import { SentBefore } from './sent-before.ts'

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
    finish: async (told) => {
      const id = told['containerimage.config.digest'] ?? told['containerimage.digest'] ?? ''
      const before = new SentBefore(host.store)
      const known = before.madeFor(id)
      if (known?.length === expected.made && expected.inline === undefined) return known
      const response = await engine.request('GET', `/images/${name}/get`, signal)
      if (response.statusCode !== 200)
        throw new TareError(
          'ENGINE_INVALID',
          `the engine ${engine.name} does not hand over its image: ${await textOf(response)}`,
        )
      const made = await keepFrom(response as AsyncIterable<Uint8Array> as Bytes, { host, expected, signal })
      before.remember([], [[id, made]])
      return made
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
