import type { Digest } from '../oci/index.ts'
import type { RegistryCallOptions } from './call.ts'

/** An index of images in a registry. */
export interface IndexCreateOptions extends RegistryCallOptions {
  /** Its name there. */
  readonly name: string
  /** Images, or indexes of them, in that registry or in any place that `copy` knows. */
  readonly images: readonly string[]
  /** Of the index itself. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Begins with the images that the name has now; a new one takes the place of that for the same platform. */
  readonly append?: boolean | undefined
  /** Answers what it would be, and sends nothing. */
  readonly dryRun?: boolean | undefined
  /** Default: `docker` for Docker's manifests alone and without annotations, else `oci`. */
  readonly format?: 'oci' | 'docker' | undefined
}

/** Other notes for an index of a registry, or for one of its images. */
export interface IndexAnnotateOptions extends RegistryCallOptions {
  readonly name: string
  /** One of its images, by the digest or a unique beginning of it. */
  readonly image?: string | undefined
  /** One of its images, by its platform. */
  readonly platform?: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** What the index shall say of the image. */
  readonly os?: string | undefined
  readonly architecture?: string | undefined
  readonly variant?: string | undefined
  readonly osVersion?: string | undefined
  readonly osFeatures?: readonly string[] | undefined
  readonly dryRun?: boolean | undefined
}

export interface IndexResult {
  readonly fullName: string
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  /** The index itself. */
  readonly json: string
}
