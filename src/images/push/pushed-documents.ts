import { type Descriptor, type Digest, isIndexType, type Manifest, mediaTypes, parseIndex } from '../../oci/index.ts'
import type { Host } from '../index.ts'
import type { LayerThere } from './push-layer.ts'

/**
 * Lists what an index refers to that the registry does not have. Not complete: if the push changed an image, whatever refers to
 * it (the index, attestations) refers to something else.
 */
export function missingOf(
  { store }: Host,
  wanted: readonly Descriptor[],
  there: ReadonlySet<Digest>,
): { readonly complete: boolean; readonly rest: readonly Descriptor[] } {
  const rest = wanted.filter(({ digest }) => !there.has(digest))
  const found = new Set(wanted.map(({ digest }) => digest))
  for (const child of rest)
    if (isIndexType(child.mediaType) && store.blobs.has(child.digest))
      for (const { digest } of parseIndex(store.blobs.read(child.digest), child.digest).manifests) found.add(digest)
  return { complete: [...there].every((digest) => found.has(digest)), rest }
}

export function typedConfig(config: Descriptor, docker: boolean): Descriptor {
  return { ...config, mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.config }
}

export function manifestOf(
  storedLayer: Manifest,
  config: Descriptor,
  layers: readonly LayerThere[],
  docker: boolean,
): Manifest {
  return {
    mediaType: docker ? mediaTypes.dockerManifest : mediaTypes.manifest,
    config: typedConfig(config, docker),
    layers: layers.map(({ blob }) => blob),
    // Docker's manifests have none.
    ...(docker || storedLayer.annotations === undefined ? {} : { annotations: storedLayer.annotations }),
  }
}
