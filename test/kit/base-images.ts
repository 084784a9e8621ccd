import { gzipSync } from 'node:zlib'
import { mediaTypes } from '../../src/oci/index.ts'
import { sha256 } from '../../src/support/index.ts'
import type { BadRegistry } from './bad-registry.ts'
import { tarOf } from './tiny-archive.ts'

export interface Base {
  readonly digest: string
  readonly size: number
  readonly layers: readonly { readonly digest: string; readonly size: number }[]
  readonly diffIds: readonly string[]
}

/** Puts an image with a layer for each set of files into the registry, as `base:1`. */
export function pushBase(
  registry: BadRegistry,
  layers: readonly Record<string, string>[],
  {
    docker = false,
    tag = '1',
    architecture = 'amd64',
    labels,
    plain = false,
  }: {
    readonly docker?: boolean
    /** The layers are tars as they are, not compressed. */
    readonly plain?: boolean
    readonly tag?: string
    readonly architecture?: string
    readonly labels?: Readonly<Record<string, string>>
  } = {},
): Base {
  const tars = layers.map((files) => tarOf(files))
  const blobs = tars.map((tar) => {
    const bytes = plain ? tar : gzipSync(tar)
    const mediaType = plain
      ? docker
        ? mediaTypes.dockerLayer
        : mediaTypes.layer
      : docker
        ? mediaTypes.dockerLayerGzip
        : mediaTypes.layerGzip
    return { mediaType, digest: registry.addBlob(bytes), size: bytes.length }
  })
  const diffIds = tars.map((tar) => sha256(tar))
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const json = { architecture, os: 'linux', config: { Env: ['PATH=/bin'], Labels: labels }, rootfs }
  const bytes = Buffer.from(JSON.stringify({ ...json, history: diffIds.map(() => ({ created_by: 'x' })) }))
  const config = {
    mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.config,
    digest: registry.addBlob(bytes),
    size: bytes.length,
  }
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.manifest
  const manifest = { schemaVersion: 2, mediaType, config, layers: blobs }
  return { ...registry.addManifest(mediaType, manifest, tag), layers: blobs, diffIds }
}

/** Puts an index of such images into the registry, one for each architecture, with a file that says which. */
export function pushIndex(
  registry: BadRegistry,
  architectures: readonly string[],
  { tag = '1' }: { readonly tag?: string } = {},
): { readonly digest: string; readonly bases: readonly Base[] } {
  const bases = architectures.map((architecture) =>
    pushBase(registry, [{ arch: architecture }], { architecture, tag: architecture }),
  )
  const manifests = bases.map(({ digest, size }, i) => ({
    ...{ mediaType: mediaTypes.manifest, digest, size },
    platform: { os: 'linux', architecture: architectures[i] },
  }))
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return { digest: registry.addManifest(mediaTypes.index, index, tag).digest, bases }
}

/** An image whose config is that of another, and whose manifest names other layers for it. */
export function pushImpostor(registry: BadRegistry, victim: Base, files: Record<string, string>, tag: string): Base {
  const { type, bytes } = registry.manifests.get(victim.digest)!
  const manifest = JSON.parse(bytes.toString('utf8'))
  const layer = gzipSync(tarOf(files))
  const { mediaType } = manifest.layers[0]
  const layers = [{ mediaType, digest: registry.addBlob(layer), size: layer.length }, ...manifest.layers.slice(1)]
  return { ...registry.addManifest(type, { ...manifest, layers }, tag), layers, diffIds: victim.diffIds }
}

/** How often layers of the base were read from the registry. */
export function fetchesOf(registry: BadRegistry, base: Base): number {
  return registry.requests.filter((line) =>
    base.layers.some(({ digest }) => /^GET .*\/blobs\/(.*)$/.exec(line)?.[1] === digest),
  ).length
}
