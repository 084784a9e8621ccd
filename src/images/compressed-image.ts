import type { Source } from '../content/index.ts'
import {
  type Descriptor,
  documentLimit,
  type ImageConfig,
  isImageConfigType,
  kindOfArtifact,
  type Manifest,
  parseImageConfig,
  parseManifest,
  readsAsImageConfig,
  strangeLayers,
} from '../oci/index.ts'
import { collect, TareError } from '../support/index.ts'

/** An image whose layers are compressed: its manifest and config have been read, but no layer. */
export interface CompressedImage {
  readonly source: Source
  /** The starting point: the manifest itself, or an index. */
  readonly root: Descriptor
  readonly blob: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  readonly configBytes: Buffer
  /** Indexes and the manifest, verbatim. */
  readonly documents: readonly Buffer[]
}

/** Reads a whole document from any source. */
export async function readWhole(source: Source, blob: Descriptor, what: string): Promise<Buffer> {
  if (blob.size > documentLimit)
    throw new TareError('MANIFEST_INVALID', `${what} is larger than ${documentLimit} bytes`)
  return collect(await source.open(blob), documentLimit)
}

/** The same; returns undefined if it does not exist. An index may list platforms that were not saved with it. */
export async function readIfThere(source: Source, blob: Descriptor, what: string): Promise<Buffer | undefined> {
  return readWhole(source, blob, what).catch((error: unknown) => {
    if (error instanceof TareError && error.code === 'BLOB_MISSING') return undefined
    throw error
  })
}

/**
 * Returns a manifest's config; undefined if it is not a container image's. Its media type decides only if it says that it is one.
 */
export async function readImageConfig(source: Source, manifest: Manifest): Promise<Buffer | undefined> {
  const { config, layers } = manifest
  const isTyped = isImageConfigType(config.mediaType)
  if (!isTyped && config.size > documentLimit) return undefined
  const bytes = await readWhole(source, config, 'the config')
  return isTyped || readsAsImageConfig(bytes, layers.length) ? bytes : undefined
}

/**
 * Reads the image of a manifest. `above` are the indexes leading to it, `root` the first of them. Rejects with
 * `MANIFEST_UNSUPPORTED` for anything that cannot be stored.
 */
export async function readCompressed(
  source: Source,
  blob: Descriptor,
  name: string,
  root: Descriptor = blob,
  above: readonly Buffer[] = [],
): Promise<CompressedImage> {
  const bytes = await readWhole(source, blob, 'the manifest')
  const manifest = parseManifest(bytes, `the manifest of ${name}`)
  const configBytes = await readImageConfig(source, manifest)
  if (configBytes === undefined) throw unsupported(name, `is no container image but ${kindOfArtifact(manifest)}`)
  const strange = strangeLayers(manifest)
  if (strange !== undefined) throw unsupported(name, strange.message, strange.remedy)
  const config = parseImageConfig(configBytes, `the config of ${name}`)
  if (config.diffIds.length !== manifest.layers.length)
    throw new TareError(
      'CONFIG_INVALID',
      `${name} has ${manifest.layers.length} layers, but its config names ${config.diffIds.length}`,
    )
  return { source, root, blob, manifest, config, configBytes, documents: [...above, bytes] }
}

function unsupported(name: string, message: string, remedy?: string): TareError {
  return new TareError('MANIFEST_UNSUPPORTED', `${name} ${message}`, {
    remedy:
      remedy ??
      'Only container images can be stored; `tare copy` can copy artifacts to a registry, a layout or an OCI archive.',
  })
}
