import type { Digest } from '../oci/index.ts'
import type { CallOptions } from './call.ts'

/** What `images.save` takes. */
export interface SaveOptions extends CallOptions {
  /** Names, IDs (or unique prefixes of IDs), or digests; at least one. */
  readonly names: readonly string[]
  /** A file's path (written whole or not at all), or something that takes the bytes in order. */
  readonly to: { readonly path: string } | { readonly write: (chunk: Uint8Array) => Promise<void> }
  /** `docker`: OCI layout and docker-archive in one tar, as Docker 25 and later write it. Default. */
  readonly format?: 'docker' | 'docker-legacy' | 'oci' | undefined
}

/** What `images.load` takes. */
export interface LoadOptions extends CallOptions {
  /** A file or a directory (an OCI layout), or the bytes of an archive, compressed or not. */
  readonly from: { readonly path: string } | { readonly bytes: AsyncIterable<Uint8Array> }
}

/** An image that was loaded. */
export interface LoadedImage {
  readonly id: Digest
  /** Familiar names that it has now; none for an image without a name. */
  readonly names: readonly string[]
}

/** What `images.import` takes. */
export interface ImportOptions extends CallOptions {
  /** A file, an http or https address, or the bytes themselves: a tar, compressed or not. */
  readonly from: { readonly path: string } | { readonly url: string } | { readonly bytes: AsyncIterable<Uint8Array> }
  /** What the history says of the source. Default: `Imported from -`, or the address. */
  readonly message?: string | undefined
  /** Name for the image. Default: none. */
  readonly name?: string | undefined
  /** Dockerfile instructions to apply: `CMD ["/bin/sh"]`. Default: none. */
  readonly changes?: readonly string[] | undefined
  /** `linux/arm64`: what the image's config says. Default: this machine's architecture, with linux. */
  readonly platform?: string | undefined
}
