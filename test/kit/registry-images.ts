import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { mediaTypes } from '../../src/oci/index.ts'
import { sha256 } from '../../src/support/index.ts'
import type { BadRegistry } from './bad-registry.ts'
import { tinyTar } from './tiny-image.ts'

/** A folder of its own for as long as the test runs. */
export function temporaryFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

export interface ImageOptions {
  readonly contents?: string | undefined
  readonly architecture?: string | undefined
  /** Instead of the usual members of its config, and of its manifest. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
  readonly manifest?: Readonly<Record<string, unknown>> | undefined
  readonly configType?: unknown
  readonly layerType?: unknown
  readonly mediaType?: string | undefined
}

/** What is to know of an image that was put into a registry. */
export interface PlacedImage {
  readonly mediaType: string
  readonly digest: `sha256:${string}`
  readonly size: number
  /** The digest of its config. */
  readonly id: `sha256:${string}`
  readonly diffId: `sha256:${string}`
}

/** Puts an image of one layer of gzip into the registry, under the tags. */
export function placeImage(registry: BadRegistry, options: ImageOptions = {}, ...tags: readonly string[]): PlacedImage {
  const { contents = 'x', architecture = 'amd64', mediaType = mediaTypes.manifest } = options
  const { configType = mediaTypes.config, layerType = mediaTypes.layerGzip } = options
  const tar = tinyTar('f', contents)
  const place = (type: unknown, bytes: Buffer) => ({
    ...{ mediaType: type, digest: registry.addBlob(bytes), size: bytes.length },
  })
  const rootfs = { type: 'layers', diff_ids: [sha256(tar)] }
  const config = { architecture, os: 'linux', config: {}, rootfs, ...options.config }
  const own = place(configType, Buffer.from(JSON.stringify(config)))
  const layers = [place(layerType, gzipSync(tar))]
  const manifest = { schemaVersion: 2, mediaType, config: own, layers, ...options.manifest }
  return { mediaType, ...registry.addManifest(mediaType, manifest, ...tags), id: own.digest, diffId: sha256(tar) }
}

/** Puts an index into the registry; what is in it says for itself for which platform it is. */
export function placeIndex(registry: BadRegistry, manifests: readonly object[], ...tags: readonly string[]) {
  const mediaType = mediaTypes.index
  const placed = registry.addManifest(mediaType, { schemaVersion: 2, mediaType, manifests }, ...tags)
  return { mediaType, ...placed }
}

/** As an index lists it, for a platform. */
export function entryOf({ mediaType, digest, size }: Omit<PlacedImage, 'id' | 'diffId'>, platform?: string) {
  const [os, architecture, variant] = platform?.split('/') ?? []
  return {
    ...{ mediaType, digest, size },
    ...(platform === undefined ? {} : { platform: { os, architecture, ...(variant && { variant }) } }),
  }
}
