/**
 * Theirs, over HTTP: a repository of a registry as a Source and a Target. (distribution-spec)
 *
 * In: a registry's name, who we are, a repository.  Out: manifests and blobs, each checked; tokens, retries and resumed transfers stay inside.
 * Not here: what is pulled for which platform, compression, the store.
 */
export {
  type Credentials,
  findCredentials,
  forgetCredentials,
  type KeptCredentials,
  keepCredentials,
} from './auth/index.ts'
export type { NamedBy } from './config/index.ts'
export { openRegistry, type Registry, type RegistryOptions } from './registry.ts'
export type { Upload, Uploaded } from './upload.ts'
export type { UploadAhead } from './upload-ahead.ts'
