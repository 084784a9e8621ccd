import type { RegistryCallOptions } from './call.ts'

/** `error`: it does not start. `warning`: it fails at something, or lets something out. `note`: worth knowing. */
export type CheckSeverity = 'error' | 'warning' | 'note'

/** Codes of what `images.check` finds; they keep their meaning. */
export type CheckCode =
  | 'AccountMissing'
  | 'AccountUnnamed'
  | 'CertificatesMissing'
  | 'CommandIsDirectory'
  | 'CommandMissing'
  | 'CommandNotExecutable'
  | 'CommandUnset'
  | 'FileCapabilities'
  | 'InterpreterMissing'
  | 'LibraryMissing'
  | 'LoaderMissing'
  | 'SecretFound'
  | 'SetIdBits'
  | 'TemporaryFolderMissing'
  | 'TemporaryFolderModes'
  | 'TimeZoneMissing'
  | 'UnknownFormat'
  | 'WorldWritable'
  | 'WrongArchitecture'

/** Something in an image that breaks it, or that somebody should know. */
export interface CheckFinding {
  readonly code: CheckCode
  readonly severity: CheckSeverity
  /** What was found. */
  readonly message: string
  /** Why it matters. */
  readonly reason: string
  /** What can be done about it. */
  readonly remedy: string
  /** In the image, without `/` at its beginning. */
  readonly path?: string
  /** The layer that has it, from 1; also one whose file a later layer removed. */
  readonly layer?: number
}

/** Findings that are known and accepted. */
export interface CheckSilence {
  readonly code: CheckCode
  /** Only in this path; `*` stands for any characters, `/` among them. Default: wherever it is found. */
  readonly path?: string | undefined
  /** Why it is accepted. */
  readonly reason: string
}

/** What `images.check` takes. */
export interface CheckOptions extends RegistryCallOptions {
  /** A name in the store or in a registry, or a transport: `oci:layout:tag`, `docker-archive:app.tar`. */
  readonly image: string
  /** `linux/arm64`, of an index. Default: the only image, or this machine's platform. */
  readonly platform?: string | undefined
  /** Default: none. */
  readonly silences?: readonly CheckSilence[] | undefined
}

/** What `images.check` found. */
export interface CheckResult {
  /** The gravest first. */
  readonly findings: readonly CheckFinding[]
  /** Those that `silences` accepts, each with its reason there. */
  readonly silenced: readonly (CheckFinding & { readonly accepted: string })[]
}
