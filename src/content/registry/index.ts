/**
 * Theirs, over HTTP: a repository of a registry as a Source and a Target. (distribution-spec)
 *
 * In: a registry's name, who we are, a repository.  Out: manifests and blobs, each checked; tokens, retries and resumed transfers stay inside.
 * Not here: what is pulled for which platform, compression, the store.
 */
export { findCredentials } from './credentials.ts'
export type { NamedBy } from './endpoints.ts'
export { type FetchedFile, type FetchOptions, fetchUrl } from './fetch-url.ts'
export { forgetCredentials, type KeptCredentials, keepCredentials } from './keep-credentials.ts'
export { openRegistry, type Registry, type RegistryOptions } from './registry.ts'
export type { Credentials, Environment } from './types.ts'
export type { Upload, Uploaded } from './upload.ts'
export type { UploadAhead } from './upload-ahead.ts'
