import type { Digest } from '../../../oci/index.ts'
import { type Bytes, flow } from '../../../support/index.ts'
import type { EngineLink } from '../engine/index.ts'
import { archiveWithoutLayers } from './archive-without-layers.ts'
import { DaemonImages } from './daemon-images.ts'
import { removeLeftovers, temporaryName } from './temporary-names.ts'

/** An image of this machine's store. */
export interface ImageToLoad {
  readonly config: Uint8Array
  /** Lowest first. */
  readonly diffIds: readonly Digest[]
  /** Returns an archive of it, with this name. */
  readonly archive: (name: string) => Bytes
}

/** An image that a daemon has under a temporary name. */
export interface LoadedImage {
  tag(name: string): Promise<void>
  /** Removes the temporary name, and with it an image that got no other. */
  close(): Promise<void>
}

/** The docker daemon behind an engine. */
export interface LoadingDaemon {
  readonly name: string
  load(image: ImageToLoad): Promise<LoadedImage>
}

/** Returns the daemon that an engine is part of; undefined for a buildkitd. */
export async function daemonOf(link: EngineLink, signal: AbortSignal): Promise<LoadingDaemon | undefined> {
  const { engine, facts } = await link.connected(signal)
  if (!engine.isDaemon) return undefined
  const images = new DaemonImages(engine, signal)
  return {
    name: engine.name,
    load: async (image) => {
      await removeLeftovers(images)
      const name = temporaryName()
      // The older store finds the layers that the build has made there. If it has lost them since, it is sent all of them.
      const isKnown = !facts.exportsLayers && (await hasLayers(images, image, name))
      if (!isKnown) await images.load(image.archive(name))
      signal.throwIfAborted()
      return {
        tag: (wanted) => images.tag(name, wanted),
        close: () => images.remove(name),
      }
    },
  }
}

async function hasLayers(images: DaemonImages, { config, diffIds }: ImageToLoad, name: string): Promise<boolean> {
  try {
    await images.load(flow(archiveWithoutLayers(config, diffIds.length, name)))
    return true
  } catch {
    return false
  }
}
