/**
 * Who we are to a registry: what the login files and credential helpers of this user know.
 *
 * In: a registry's name, an environment.  Out: credentials, and what a registry's challenge asks for.
 * Not here: tokens, and the sending of any of it.
 */
export { type Challenge, parseChallenges } from './challenge.ts'
export { findCredentials } from './credentials.ts'
export { forgetCredentials, type KeptCredentials, keepCredentials } from './keep-credentials.ts'
export { findLogin, type Login } from './logins.ts'
export type { Credentials } from './types.ts'
