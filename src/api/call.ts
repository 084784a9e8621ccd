import type { Reporter } from '../support/index.ts'

/** What every verb takes besides its own options. */
export interface CallOptions {
  /** Called with what happens, while it happens. Must not throw. Default: none. */
  readonly report?: Reporter | undefined
  /**
   * Ends the work early: nothing half-written stays, and the promise rejects with the signal's reason. One that has fired before
   * the call rejects before anything is done. Default: none.
   */
  readonly signal?: AbortSignal | undefined
}

/** What verbs take that may need a login. */
export interface LoginCallOptions extends CallOptions {
  /**
   * Logins for this call, by the registry's name as it stands in image names: `registry.example:5000`, `docker.io`. They come
   * before those that are stored; registries that are not named here use what is stored. Default: none.
   */
  readonly credentials?: Readonly<Record<string, RegistryCredentials>> | undefined
}

/** What verbs take that talk to a registry. */
export interface RegistryCallOptions extends LoginCallOptions {
  /**
   * Skips certificate checks and allows plain http. Default: false. (http is always tried for this machine itself.)
   */
  readonly insecure?: boolean | undefined
}

/** A login for one registry: a user with a password or access token, or a token of the registry. */
export type RegistryCredentials =
  | { readonly user: string; readonly password: string }
  /** Exchanged for tokens at the registry's token server. */
  | { readonly identityToken: string }
  /** Sent as it is. */
  | { readonly registryToken: string }

/** What `openTare` takes. */
export interface TareOptions {
  /** The store's folder. Default: `$TARE_HOME`, else `tare` in the XDG data folder (%LOCALAPPDATA% on Windows). */
  readonly home?: string | undefined
  /**
   * The environment in which login files, proxies, mirrors and TARE_HOME are looked up. Default: this process's own. Builds take
   * nothing from it: they have an `environment` of their own.
   */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Called for what concerns no single call: warnings about logins, registry settings and a damaged store. Default: none. */
  readonly report?: Reporter | undefined
}
