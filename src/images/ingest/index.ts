/**
 * Images brought into the store, whole, or layer by layer when somebody needs them.
 *
 * In: an image of a registry or an archive.  Out: checked layers, stored uncompressed, and an entry in the index.
 * Not here: how an archive or a registry is read (content).
 */
export { completeImage, completeStored } from './complete-image.ts'
export { type ForeignImage, ingestImage, ingestLayer } from './ingest-image.ts'
export { ingestChecked, ingestCompressed, ingestIndex } from './ingest-layers.ts'
export { fetchLayer, MissingLayers } from './missing-layers.ts'
export { pullImage } from './pull-image.ts'
