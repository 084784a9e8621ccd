/**
 * Where an image can be: the store, a registry, an OCI layout, a docker archive.
 *
 * In: a transport as written on a command line.  Out: an opened image, read as documents and blobs.
 * Not here: what is done with it.
 */
export { copyReferrers, type ReferrersTarget } from './copy-referrers.ts'
export { type ImageInPlace, type OpenedImage, openImage, openInPlace, type PathAlone } from './open-image.ts'
export { isOfRegistry, originalsOf } from './original-source.ts'
export {
  openRepository,
  openSource,
  type RegistryCall,
  type RemoteImage,
  readRemote,
  unknownImage,
} from './remote-image.ts'
export { formatTransport, type LayoutTransport, parseTransport, type Transport } from './transport.ts'
