import { flow, messageOf, sha256, TareError } from '../../../support/index.ts'
import type { Engine } from '../engine/index.ts'
import type { EnginePush } from '../results/pushed-by-engine.ts'
import { matchLayers, type RemoteLayer } from '../results/result.ts'
import { keepFrom, type ResultTools, type ResultWay } from '../results/result-way.ts'
import { archiveWithoutLayers } from './archive-without-layers.ts'
import { type DaemonImage, DaemonImages } from './daemon-images.ts'
import { takeLayers } from './take-layers.ts'
import { nameWhilePushed, removeLeftovers, temporaryName } from './temporary-names.ts'

/** The engine keeps an image under a temporary name in its daemon, which is read from there, or pushed. */
export function throughDaemon(engine: Engine, tools: ResultTools, push: EnginePush | undefined): ResultWay {
  const { expected, host, signal } = tools
  const name = temporaryName()
  const images = new DaemonImages(engine, signal)
  const clear = async () => {
    try {
      await removeLeftovers(images)
    } catch (cause) {
      signal.throwIfAborted()
      throw new TareError(
        'ENGINE_UNSUPPORTED',
        `${engine.name} leaves its images to a docker daemon whose API is not at the same address`,
        { cause, remedy: 'Use the address of the daemon itself.' },
      )
    }
  }
  return {
    exporter: { type: 'moby', attrs: { name } },
    handlers: [],
    // A daemon that was reached through its API has one.
    check: async () => (engine.isDaemon ? undefined : clear()),
    begin: async () => (engine.isDaemon ? clear() : undefined),
    finish: async () => {
      const image = await images.describe(name)
      // It does not tell which layers were left out because they are empty: only the image itself does.
      const layers = image.diffIds.length === image.history.length ? layersOf(image, tools) : undefined
      if (push !== undefined) {
        const hindrance =
          layers === undefined ? 'it has empty layers' : expected.inline && 'the engine’s cache is in its config'
        const failure = hindrance ?? (await pushed(images, layers!, tools, push))
        if (typeof failure !== 'string') return failure
        push.instead(failure)
      }
      const made = layers?.slice(expected.base.length)
      const isHere = made?.every(({ diffId }) => host.store.blobs.touch(diffId)) === true
      if (made !== undefined && expected.inline === undefined && (isHere || image.isSavedByDigest))
        return takeLayers(() => images.open(name), made, tools)
      const kept = await keepFrom(await images.open(name), tools)
      return kept.map(({ created, ...layer }) => ({ ...layer, created: wholeSeconds(created) }))
    },
    close: () => images.remove(name).catch(() => {}),
  }
}

/** Returns the image's layers, those of the base as well. Rejects with `ENGINE_INVALID` if it is not the one that was asked for. */
function layersOf(image: DaemonImage, { expected }: ResultTools): readonly RemoteLayer[] {
  const layers = image.diffIds.map((diffId) => ({ diffId }))
  return matchLayers({ configuration: { history: image.history }, layers }, expected).map(({ layer, created }) => ({
    diffId: layer!.diffId,
    created: created!,
  }))
}

/** As the daemon tells times when the image itself is not read. */
function wholeSeconds(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}

/**
 * Loads the image that this machine assembles of the daemon's layers, and has it pushed: no layer comes here. The daemon has its
 * name only meanwhile. Returns the new layers as they are in the registry, or why it did not work.
 */
async function pushed(
  images: DaemonImages,
  layers: readonly RemoteLayer[],
  { expected, signal }: ResultTools,
  push: EnginePush,
): Promise<readonly RemoteLayer[] | string> {
  const made = layers.slice(expected.base.length)
  const config = push.configOf(made)
  try {
    const digests: string[] = []
    for (const name of push.names) digests.push(await pushAs(name, { config, layers: layers.length }, images, push))
    const there = await push.read(digests[0]!)
    if (there.diffIds.some((diffId, i) => diffId !== layers[i]!.diffId)) return 'its daemon has pushed something else'
    for (const [i, blob] of there.layers.entries()) push.leave(layers[i]!.diffId, blob)
    return made.map((layer, i) => ({ ...layer, blob: there.layers[expected.base.length + i]! }))
  } catch (error) {
    signal.throwIfAborted()
    return messageOf(error)
  }
}

async function pushAs(
  name: string,
  { config, layers }: { readonly config: Uint8Array; readonly layers: number },
  images: DaemonImages,
  push: EnginePush,
): Promise<string> {
  const id = sha256(config)
  const before = await images.idOf(name)
  if (before !== undefined && before !== id) throw new Error(`its daemon has another image called ${name}`)
  const login = await push.login(name)
  if (before === id) return images.push(name, login)
  const meanwhile = nameWhilePushed(name)
  if (meanwhile === undefined) throw new Error(`the name ${name} is too long`)
  try {
    await images.load(flow(archiveWithoutLayers(config, layers, meanwhile)))
    await images.tag(meanwhile, name)
    return await images.push(name, login)
  } finally {
    await images.remove(name)
    await images.remove(meanwhile)
  }
}
