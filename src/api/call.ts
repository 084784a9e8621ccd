import type { Reporter } from '../support/index.ts'

/** What every verb may be told besides its own options. */
export interface CallOptions {
  /** Hears what happens. */
  readonly report?: Reporter | undefined
  /** Ends the work early: nothing half-written stays, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface TareOptions {
  /** The store's folder. Default: `$TARE_HOME`, else the XDG data folder's `tare`. */
  readonly home?: string | undefined
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Hears what concerns no single call: warnings about logins and of a damaged store. */
  readonly report?: Reporter | undefined
}
