/**
 * A registry's repository over HTTP, as a Source and a Target. (distribution-spec)
 *
 * In: a registry's name, credentials, a repository.  Out: manifests and blobs, verified; tokens, retries and resumed transfers
 * stay inside.
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
export type { Delegation } from './identity.ts'
export { openRegistry, type Registry, type RegistryOptions } from './registry.ts'
export type { Upload, Uploaded } from './upload.ts'
export type { UploadAhead } from './upload-ahead.ts'
