import type { Source } from '../content/index.ts'
import {
  type Descriptor,
  documentLimit,
  type ImageConfig,
  isForeignLayer,
  type Manifest,
  mediaTypes,
  parseImageConfig,
  parseManifest,
} from '../oci/index.ts'
import { collect, TareError } from '../support/index.ts'

/** An image where its layers are compressed: manifest and config are read, and no layer. */
export interface PackedImage {
  readonly source: Source
  /** What led to it: the manifest itself, or an index. */
  readonly root: Descriptor
  readonly blob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  readonly configBytes: Buffer
  /** Indexes and manifest, as they came. */
  readonly documents: readonly Buffer[]
}

/** A document of any place, whole. */
export async function readWhole(source: Source, blob: Descriptor, what: string): Promise<Buffer> {
  if (blob.size > documentLimit)
    throw new TareError('MANIFEST_INVALID', `${what} is larger than ${documentLimit} bytes`)
  return collect(await source.open(blob), documentLimit)
}

/**
 * Reads the image of a manifest. `above` are the indexes on the way, `root` the first of them. Rejects with
 * `MANIFEST_UNSUPPORTED` for what cannot rest in the store.
 */
export async function readPacked(
  source: Source,
  blob: Descriptor,
  name: string,
  root: Descriptor = blob,
  above: readonly Buffer[] = [],
): Promise<PackedImage> {
  const bytes = await readWhole(source, blob, 'the manifest')
  const manifest = parseManifest(bytes, `the manifest of ${name}`)
  refuseOthers(manifest, name)
  const configBytes = await readWhole(source, manifest.config, 'the config')
  const config = parseImageConfig(configBytes, `the config of ${name}`)
  if (config.diffIds.length !== manifest.layers.length)
    throw new TareError(
      'CONFIG_INVALID',
      `${name} has ${manifest.layers.length} layers, but its config names ${config.diffIds.length}`,
    )
  return { source, root, blob, manifest, config, configBytes, documents: [...above, bytes] }
}

const configTypes: readonly string[] = [mediaTypes.config, mediaTypes.dockerConfig]

function refuseOthers({ config, layers }: Manifest, name: string): void {
  const foreign = layers.find(({ mediaType }) => isForeignLayer(mediaType))
  if (configTypes.includes(config.mediaType) && foreign === undefined) return
  throw new TareError(
    'MANIFEST_UNSUPPORTED',
    foreign === undefined
      ? `${name} is no container image but ${config.mediaType}`
      : `${name} has layers that its registry does not hand out (${foreign.mediaType})`,
    { remedy: 'That takes container images with layers of their own only.' },
  )
}
