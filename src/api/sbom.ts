import type { RegistryCallOptions } from './call.ts'

/** What `images.sbom` takes. */
export interface SbomOptions extends RegistryCallOptions {
  /** A name in the store or in a registry, or a transport: `oci:layout:tag`, `docker-archive:app.tar`. */
  readonly image: string
  /** `linux/arm64`, of an index. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
  /** SPDX 2.3 or CycloneDX 1.6, both as JSON. Default: `spdx`. */
  readonly format?: 'spdx' | 'cyclonedx' | undefined
  /** Also every file, with its digests. Default: true. */
  readonly files?: boolean | undefined
}
