import type { Digest } from '../oci/index.ts'
import type { RegistryCallOptions } from './call.ts'

/** What an image may weigh. What is exceeded is a finding. */
export interface WeighRules {
  /** Bytes of the files in all its layers. Default: any. */
  readonly maxSize?: number | undefined
  /** Bytes of files that later layers replaced or removed. Default: any. */
  readonly maxWasted?: number | undefined
  /** From 0 to 1, as dive computes it. Default: any. */
  readonly minEfficiency?: number | undefined
  /** From 0 to 1: wasted bytes as dive counts them, of the bytes in the layers above the first. Default: any. */
  readonly maxWastedShare?: number | undefined
  /** Bytes wasted as dive counts them: everything that paths take which are in several layers. Default: any. */
  readonly maxDiveWasted?: number | undefined
}

/** What `images.weigh` takes. */
export interface WeighOptions extends RegistryCallOptions {
  /** A name in the store or in a registry, or a transport: `oci:layout:tag`, `docker-archive:app.tar`. */
  readonly image: string
  /** `linux/arm64`, of an index. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
  /** Default: none. */
  readonly rules?: WeighRules | undefined
}

/** Bytes and number of the files that something is responsible for. */
export interface Weight {
  readonly size: number
  readonly files: number
}

/** The weight of one layer. */
export interface LayerWeight extends Weight {
  readonly diffId: Digest
  readonly createdBy?: string
  /** Of `size`: bytes of files that a later layer replaced or removed. */
  readonly wasted: number
}

/** Bytes of files of a path that the image has and does not show. */
export interface WastedPath {
  readonly path: string
  readonly size: number
  /** How many layers have such a file. */
  readonly copies: number
  /** What became of the path: another file is there, or none. */
  readonly became: 'replaced' | 'removed'
}

/** Files of the same content in different places, which are no hard links of one another. */
export interface DuplicateFiles {
  readonly digest: Digest
  /** Of one of them. */
  readonly size: number
  readonly paths: readonly string[]
}

/** A rule that the image breaks. */
export interface WeighFinding {
  readonly rule: keyof WeighRules
  readonly limit: number
  readonly found: number
}

/** What the bytes of an image are. */
export interface WeighResult {
  /** Bytes of the files in all layers: the size that docker shows. */
  readonly size: number
  /** Bytes of the files that the image shows. */
  readonly visible: number
  /** `size` less `visible`. */
  readonly wasted: number
  /** From 0 to 1: the least that each path takes in any layer, summed, of what it takes in all of them. (dive, filetree/efficiency.go) */
  readonly efficiency: number
  /** What dive calls wasted: everything that paths take which are in several layers. */
  readonly diveWasted: number
  /** `diveWasted` of the bytes above the first layer; 0 where there are none. */
  readonly diveWastedShare: number
  /** Lowest first. */
  readonly layers: readonly LayerWeight[]
  /** Of the files that the image shows, with all that is below; heaviest first. `''` is the root. */
  readonly directories: readonly (Weight & { readonly path: string })[]
  /** Of the files that the image shows, by what they are; heaviest first. */
  readonly types: readonly (Weight & { readonly type: string })[]
  /** As the databases of the packages state it, or else by the files that they list; heaviest first. */
  readonly packages: readonly (Weight & { readonly type: string; readonly name: string; readonly version: string })[]
  /** Heaviest first. */
  readonly wastedPaths: readonly WastedPath[]
  /** What a single copy would save, most first. */
  readonly duplicates: readonly DuplicateFiles[]
  readonly findings: readonly WeighFinding[]
}
