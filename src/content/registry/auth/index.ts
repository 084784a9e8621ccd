/**
 * Credentials for registries, from the user's login files and credential helpers.
 *
 * In: a registry's name, an environment.  Out: credentials, and what a registry's challenge asks for.
 * Not here: tokens, and sending any of this.
 */
export { type Challenge, parseChallenges } from './challenge.ts'
export { findCredentials } from './credentials.ts'
export { forgetCredentials, type KeptCredentials, keepCredentials } from './keep-credentials.ts'
export { findLogin, type Login } from './logins.ts'
export type { Credentials } from './types.ts'
