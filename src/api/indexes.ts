import type { Digest } from '../oci/index.ts'
import type { RegistryCallOptions } from './call.ts'

/** An index of images in a registry. */
export interface IndexCreateOptions extends RegistryCallOptions {
  /** Its name there. */
  readonly name: string
  /** Images, or indexes of them, in that registry or in any place that `copy` knows. */
  readonly images: readonly string[]
  /** Of the index itself. Default: none. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Begins with the images that the name has now; a new one takes the place of that for the same platform. Default: false. */
  readonly append?: boolean | undefined
  /** Returns what the index would be, and sends nothing. Default: false. */
  readonly dryRun?: boolean | undefined
  /** Default: `docker` for Docker's manifests alone and without annotations, else `oci`. */
  readonly format?: 'oci' | 'docker' | undefined
}

/** Other notes for an index of a registry, or for one of its images. */
export interface IndexAnnotateOptions extends RegistryCallOptions {
  /** The name of the index in its registry. */
  readonly name: string
  /** One of its images, by the digest or a unique beginning of it. Default: the index itself is annotated. */
  readonly image?: string | undefined
  /** One of its images, by its platform. Default: the index itself is annotated. */
  readonly platform?: string | undefined
  /** Annotations of the image in the index, or of the index itself. Default: none. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** What the index says of the image: its operating system. Default: unchanged. */
  readonly os?: string | undefined
  /** Its architecture, as Go calls it. Default: unchanged. */
  readonly architecture?: string | undefined
  /** Variant of the architecture: `v7`. Default: unchanged. */
  readonly variant?: string | undefined
  /** Default: unchanged. */
  readonly osVersion?: string | undefined
  /** Default: unchanged. */
  readonly osFeatures?: readonly string[] | undefined
  /** Returns what the index would be, and sends nothing. Default: false. */
  readonly dryRun?: boolean | undefined
}

/** An index that was made or changed. */
export interface IndexResult {
  readonly fullName: string
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  /** The index itself. */
  readonly json: string
}
