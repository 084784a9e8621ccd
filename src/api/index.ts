/**
 * The promise: what the library takes and returns, as types and nothing else.
 *
 * In: the nouns of oci and the events of support.  Out: Tare, its options and its results.
 * Not here: how any of it is done.
 */
export type { ContainerConfig, Digest, Healthcheck, Platform } from '../oci/index.ts'
export type {
  Reporter,
  SourceRange,
  StepReason,
  TareErrorCode,
  TareErrorOptions,
  TareEvent,
  TransferOutcome,
  TransferPhase,
} from '../support/index.ts'
export type * from './archives.ts'
export type * from './build.ts'
export type * from './builds/build-cache.ts'
export type * from './builds/outline.ts'
export type * from './builds/outputs.ts'
export type * from './call.ts'
export type * from './check.ts'
export type * from './contents.ts'
export type * from './diff.ts'
export type * from './edits.ts'
export type * from './filters.ts'
export type * from './image-contents.ts'
export type * from './images.ts'
export type * from './indexes.ts'
export type * from './machine.ts'
export type * from './packages.ts'
export type * from './registry.ts'
export type * from './run.ts'
export type * from './sbom.ts'
export type * from './tare.ts'
export type * from './weigh.ts'
