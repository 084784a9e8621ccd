/** (image-spec, media-types.md; Docker's types: distribution's manifest-v2-2) */
export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

export type Family = 'oci' | 'docker'

/** The OCI and Docker media types for the same bytes. zstd has an OCI type only. */
const families: readonly Readonly<Record<Family, string>>[] = [
  { oci: mediaTypes.index, docker: mediaTypes.dockerList },
  { oci: mediaTypes.manifest, docker: mediaTypes.dockerManifest },
  { oci: mediaTypes.config, docker: mediaTypes.dockerConfig },
  { oci: mediaTypes.layer, docker: mediaTypes.dockerLayer },
  { oci: mediaTypes.layerGzip, docker: mediaTypes.dockerLayerGzip },
  {
    oci: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    docker: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  },
]

/** Returns the equivalent media type in a family, or undefined if the type is unknown. */
export function typeIn(family: Family, mediaType: string): string | undefined {
  return families.find(({ oci, docker }) => oci === mediaType || docker === mediaType)?.[family]
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerList
}

/** Foreign (non-distributable) layers are downloaded from the URLs in their descriptors, not from the registry. */
export function isForeignLayer(mediaType: string): boolean {
  return /foreign|nondistributable/.test(mediaType)
}

/** Whether it is the type of a layer that a registry holds and this program reads. */
export function isLayerType(mediaType: string): boolean {
  const { layer, layerGzip, layerZstd, dockerLayer, dockerLayerGzip } = mediaTypes
  return [layer, layerGzip, layerZstd, dockerLayer, dockerLayerGzip].some((type) => type === mediaType)
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === mediaTypes.dockerManifest
}
