import { gzipSync } from 'node:zlib'
import { mediaTypes } from '../../src/oci/index.ts'
import { sha256 } from '../../src/support/index.ts'
import type { BadRegistry } from './bad-registry.ts'
import { tarOf } from './tiny-archive.ts'

export interface Base {
  readonly digest: string
  readonly layers: readonly { readonly digest: string; readonly size: number }[]
  readonly diffIds: readonly string[]
}

/** Puts an image with a layer for each set of files into the registry, as `base:1`. */
export function pushBase(
  registry: BadRegistry,
  layers: readonly Record<string, string>[],
  { docker = false, tag = '1' } = {},
): Base {
  const tars = layers.map((files) => tarOf(files))
  const blobs = tars.map((tar) => {
    const bytes = gzipSync(tar)
    const mediaType = docker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip
    return { mediaType, digest: registry.addBlob(bytes), size: bytes.length }
  })
  const diffIds = tars.map((tar) => sha256(tar))
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const json = { architecture: 'amd64', os: 'linux', config: { Env: ['PATH=/bin'] }, rootfs }
  const bytes = Buffer.from(JSON.stringify({ ...json, history: diffIds.map(() => ({ created_by: 'x' })) }))
  const config = {
    mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.config,
    digest: registry.addBlob(bytes),
    size: bytes.length,
  }
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.manifest
  const manifest = { schemaVersion: 2, mediaType, config, layers: blobs }
  return { digest: registry.addManifest(mediaType, manifest, tag).digest, layers: blobs, diffIds }
}

/** How often layers of the base were read from the registry. */
export function fetchesOf(registry: BadRegistry, base: Base): number {
  return registry.requests.filter((line) =>
    base.layers.some(({ digest }) => /^GET .*\/blobs\/(.*)$/.exec(line)?.[1] === digest),
  ).length
}
