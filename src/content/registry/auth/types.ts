/** Credentials for a registry. `source` says where they were found, for messages; the secret is never shown. */
export interface Credentials {
  readonly source: string
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Exchanged for tokens. (distribution's OAuth2 specification) */
  readonly identityToken?: string | undefined
  /** Sent as is. */
  readonly registryToken?: string | undefined
  /** Whether they are for the registry over plain http: stored under an http:// URL. */
  readonly plain?: boolean | undefined
}
