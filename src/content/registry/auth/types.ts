/** Who we are to a registry. `source` says where that was found, for messages; the secret is never said. */
export interface Credentials {
  readonly source: string
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Is exchanged for tokens. (distribution's OAuth2 specification) */
  readonly identityToken?: string | undefined
  /** Is sent as it is. */
  readonly registryToken?: string | undefined
  /** They are kept for the registry over plain http: under an address that begins with it. */
  readonly plain?: boolean | undefined
}
