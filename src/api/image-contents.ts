import type { ContainerConfig, Digest, Platform } from '../oci/index.ts'
import type { LayerSummary } from './contents.ts'
import type { WastedPath, WeighResult } from './weigh.ts'

/** One line of an image's history, as its config has it. */
export interface HistoryStep {
  /** RFC 3339. */
  readonly created?: string
  readonly createdBy?: string
  readonly comment?: string
  /** The number of the layer that it made, from 1. Undefined where it made none, or where the history does not match the layers. */
  readonly layer?: number
}

/** Every path that any layer of an image has, in columns. The first is the root. A directory comes before what is in it. */
export interface PathColumns {
  /** The last part of each path, sorted within a directory. Bytes that are not UTF-8 are lone surrogates, U+DC80 to U+DCFF. */
  readonly name: readonly string[]
  /** How many directories each is in; 0 for the root. The last path before it that is in fewer is its directory. */
  readonly depth: readonly number[]
}

/**
 * What layers did to paths, in columns: one change after the other, ordered by path, then by layer. Where a layer removes or hides a
 * directory, everything in it has a change. A path is there if its last change is not a removal.
 */
export interface ChangeColumns {
  /** The number of the path, from 0. */
  readonly path: readonly number[]
  /** From 1 for the lowest. */
  readonly layer: readonly number[]
  /** 0: added, 1: changed, 2: rewritten as it was, 3: removed. */
  readonly change: readonly number[]
  /** Of what `changed`, a sum: 1 type, 2 content, 4 target, 8 device, 16 mode, 32 owner, 64 time, 128 xattrs. Else 0. */
  readonly differences: readonly number[]
  /** 0: file, 1: directory, 2: symlink, 3: char, 4: block, 5: fifo. Of what was removed, what it was; as with all that follows. */
  readonly type: readonly number[]
  /** Bytes of a file; 0 for all else. */
  readonly size: readonly number[]
  /** The twelve permission bits. */
  readonly mode: readonly number[]
  /** Index in `owners`. */
  readonly owner: readonly number[]
  /** Seconds since 1970. */
  readonly modified: readonly number[]
  /** Index in `fileTypes`, of a file; 0 for all else. */
  readonly fileType: readonly number[]
  /** The same number for all names of a file with several; 0 for a file with one. */
  readonly linked: readonly number[]
}

/** What an image consists of, for programs that show all of it: 200,000 files are a few megabytes of JSON. */
export interface ImageContents {
  /** As it was asked for. */
  readonly name: string
  /** Of the config: the image ID. */
  readonly id: Digest
  /** Of what the name points at: a manifest, or an index of several platforms. */
  readonly digest: Digest
  readonly platform: Platform
  /** RFC 3339. */
  readonly created?: string
  readonly author?: string
  readonly config: ContainerConfig
  /** Oldest first. */
  readonly history: readonly HistoryStep[]
  /** Lowest first. */
  readonly layers: readonly LayerSummary[]
  /** As `weigh` has them. */
  readonly weight: Pick<WeighResult, 'size' | 'visible' | 'wasted' | 'efficiency' | 'diveWasted' | 'diveWastedShare'>
  /** The same; heaviest first. */
  readonly wastedPaths: readonly WastedPath[]
  readonly paths: PathColumns
  readonly changes: ChangeColumns
  /** Where symlinks point, by the number of the change. */
  readonly targets: Readonly<Record<string, string>>
  readonly owners: readonly (readonly [uid: number, gid: number])[]
  /** What files are, by their names: as `weigh` calls them. The first is empty. */
  readonly fileTypes: readonly string[]
}
