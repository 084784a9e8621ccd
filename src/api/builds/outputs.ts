import type { Digest } from '../../oci/index.ts'

/**
 * Where a build's result goes. All outputs are prepared before the first becomes visible: then files appear, then names in the
 * store, then names in registries.
 */
export type BuildOutput = ImageOutput | ArchiveOutput | LocalOutput | TarOutput | CacheOnlyOutput

/** What describes an image, but is in no layer and not in its config: the image ID stays the same. */
export interface BuildAnnotation {
  readonly key: string
  readonly value: string
  /**
   * What has it: each image's manifest, its descriptor in the index, the index of several platforms, or the index's descriptor in a
   * layout. Default: `manifest`.
   */
  readonly on?: 'manifest' | 'manifest-descriptor' | 'index' | 'index-descriptor' | undefined
  /** `linux/arm64`: only that platform’s manifest or descriptor. Default: every platform’s. */
  readonly platform?: string | undefined
}

/** What outputs with an image have in common. */
export interface ImageForm {
  /** Names of the image in this output. Default: `tags` of the build. */
  readonly names?: readonly string[] | undefined
  /** The kind of manifests. Default: `oci`. */
  readonly format?: 'oci' | 'docker' | undefined
  /** How layers are compressed. Default: gzip in a registry, `uncompressed` in an archive. The store has them uncompressed. */
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed' | undefined
  /** 1 to 9 for gzip, 1 to 19 for zstd. Default: 4 for gzip, 3 for zstd. */
  readonly compressionLevel?: number | undefined
  /** Lists statements about the images in an index, as BuildKit does, rather than as manifests that refer to them. Default: false. */
  readonly attestationInline?: boolean | undefined
  /** With `attestationInline`: as OCI artifacts. Default: false. */
  readonly attestationArtifact?: boolean | undefined
  /** Annotations in this output, besides those of the build. Default: none. */
  readonly annotations?: readonly BuildAnnotation[] | undefined
}

/** An image in the store, and in registries if it is pushed. */
export interface ImageOutput extends ImageForm {
  readonly kind: 'image'
  /** Keeps it in the store. Default: true. */
  readonly store?: boolean | undefined
  /** Brings every layer into the store, also those of a base that no step had to read. Default: false. */
  readonly unpack?: boolean | undefined
  /** As `unpack`; a docker daemon that is the build's only engine keeps the image as well, under its names. Default: false. */
  readonly load?: boolean | undefined
  /** Pushes it to the registries in its names. Default: false. */
  readonly push?: boolean | undefined
  /** With `push`: only under its digest; the names are repositories. Default: false. */
  readonly byDigest?: boolean | undefined
  /** Also calls it NAME@DIGEST in the store. Default: false. */
  readonly canonicalName?: boolean | undefined
  /** An image without a name is called PREFIX@DIGEST in the store. Default: it stays without one. */
  readonly danglingPrefix?: string | undefined
  /** With `push`: also recompresses layers of the base. Default: false. */
  readonly forceCompression?: boolean | undefined
  /** With `push`: skips certificate checks and allows plain http. Default: false. */
  readonly insecure?: boolean | undefined
}

/** An OCI layout, which for `docker` is also a docker-archive. It is kept in the store as well. */
export interface ArchiveOutput extends ImageForm {
  readonly kind: 'archive'
  /** `docker`: what `docker load` reads in every version; holds one platform. */
  readonly layout: 'oci' | 'docker'
  readonly to: OutputFile
  /** Writes the layout as a folder at the path; others in it stay. Default: false, a tar. */
  readonly folder?: boolean | undefined
}

/** A file’s path (written whole or not at all), or something that takes the bytes in order. */
export type OutputFile = { readonly path: string } | { readonly write: (chunk: Uint8Array) => Promise<void> }

/** What outputs with the image’s files have in common. */
export interface FilesForm {
  /** What the names of statements start with: `provenance.json`, `sbom.spdx.json`. Default: nothing. */
  readonly attestationPrefix?: string | undefined
  /** A folder for each platform: `linux_arm64`. Default: if there are several. */
  readonly platformSplit?: boolean | undefined
  /** The time of all files, in seconds since 1970. Default: SOURCE_DATE_EPOCH, else their own. */
  readonly epoch?: number | undefined
}

/** The image’s files in a folder, owned by the caller. No image is kept. */
export interface LocalOutput extends FilesForm {
  readonly kind: 'local'
  readonly path: string
  /** `copy` leaves other files in the folder alone, `delete` removes them. Default: `copy`. */
  readonly mode?: 'copy' | 'delete' | undefined
}

/** The image’s files in a tar. No image is kept. */
export interface TarOutput extends FilesForm {
  readonly kind: 'tar'
  readonly to: OutputFile
}

/** Nothing but remembered steps. */
export interface CacheOnlyOutput {
  readonly kind: 'cacheonly'
}

/** What a statement about the image is like. */
export interface StatementForm {
  /** Only where statements are listed in the index (`attestationInline`). Default: false. */
  readonly inlineOnly?: boolean | undefined
  /** The name of its file, in outputs with the image’s files and of what refers to the image. Default: `provenance.json`, `sbom.spdx.json`. */
  readonly file?: string | undefined
}

/** How the image was made, as SLSA provenance. */
export interface ProvenanceForm extends StatementForm {
  /** `max` also has build arguments, labels, the ids of secrets, the Dockerfile, and which step made which layer. Default: `max`. */
  readonly mode?: 'min' | 'max' | undefined
  /** Who builds: an address. Default: `https://tare.dev/builder`. */
  readonly builderId?: string | undefined
  /** What it claims: that another build makes the same image. Default: false. */
  readonly reproducible?: boolean | undefined
}

/** An output that was made. */
export interface BuiltOutput {
  readonly kind: BuildOutput['kind'] | 'push'
  /** A path, `-` for bytes that were taken, or the image’s name there. */
  readonly to: string
  /** Of the image’s manifest or index there; none for files. */
  readonly digest?: Digest | undefined
  readonly mediaType?: string | undefined
  readonly size?: number | undefined
}
