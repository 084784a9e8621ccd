import type { BuildAnnotation, BuildOutput, BuiltOutput } from '../../api/index.ts'
import type { Snapshot, Snapshots } from '../../content/layers/index.ts'
import type { PulledAs } from '../../content/store/index.ts'
import type { Host } from '../../images/index.ts'
import type { Digest, Platform, Reference } from '../../oci/index.ts'
import type { Bytes, Reporter, Steps } from '../../support/index.ts'
import type { Document } from '../assemble/index.ts'
import type { Subject } from '../attestations/index.ts'
import type { Planned } from '../plan/index.ts'

/** One platform's image: its documents, which are in the store without a name, and its files. */
export interface BuiltImage {
  readonly platform: Platform
  readonly config: Document
  readonly manifest: Document
  readonly snapshot: Snapshot
  readonly plan: Planned
  /** Which step made which of its layers, lowest first. */
  readonly made: readonly { readonly diffId: Digest; readonly step: string; readonly line?: number | undefined }[]
  /** SOURCE_DATE_EPOCH. */
  readonly epoch?: number | undefined
}

/** An output with its annotations and names. */
export interface ResolvedOutput {
  readonly output: BuildOutput
  readonly annotations: readonly BuildAnnotation[]
  readonly names: readonly Reference[]
}

/** What is stated about an image, ready to be stored. */
export interface AttestationStatement {
  readonly predicateType: string
  readonly bytes: Buffer
  /** What its file is called: `provenance.json`. */
  readonly file: string
}

/** Makes statements about images. */
export interface Attester {
  /** Returns the statements about a platform's image, as the output has it. `inline`: they are listed in an index. */
  about(image: BuiltImage, subjects: readonly Subject[], inline: boolean): Promise<readonly AttestationStatement[]>
}

/** A docker daemon that keeps images as well: the one that builds. */
export interface ImageLoader {
  /** For messages. */
  readonly name: string
  /** Loads an image under a temporary name. `archive` returns an archive of it with a name. */
  load(image: {
    readonly config: Uint8Array
    readonly diffIds: readonly Digest[]
    readonly archive: (name: string) => Bytes
  }): Promise<{ tag(name: string): Promise<void>; close(): Promise<void> }>
}

/** What outputs are made from. */
export interface OutputWork {
  readonly host: Host
  readonly images: readonly BuiltImage[]
  readonly snapshots: Snapshots
  /** If statements are wanted. */
  readonly attester?: Attester | undefined
  readonly basedOn: readonly PulledAs[] | undefined
  /** If the image can go there as well. */
  readonly loader?: ImageLoader | undefined
  /** What registries know the image by: by its name, once it has been pushed there. */
  readonly pushedAs: Map<string, PulledAs>
  readonly steps: Steps
  readonly report: Reporter
  readonly signal: AbortSignal
}

/** An output that is complete, but that nobody can see yet. */
export interface PreparedOutput {
  /** For messages: `the archive app.tar`. */
  readonly what: string
  /** Makes it visible. Returns what was made. */
  publish(): Promise<readonly BuiltOutput[]>
  /** Removes it, if it is not visible. */
  discard(): Promise<void>
}
