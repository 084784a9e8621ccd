/**
 * Adds images to the store, completely, or layer by layer as needed.
 *
 * In: an image of a registry or an archive.  Out: verified layers, stored uncompressed, and an entry in the index.
 * Not here: reading archives or registries (content).
 */
export { completeImage, completeStored } from './complete-image.ts'
export { type ForeignImage, ingestImage, ingestLayer } from './ingest-image.ts'
export { ingestChecked, ingestCompressed, ingestIndex } from './ingest-layers.ts'
export { fetchLayer, MissingLayers } from './missing-layers.ts'
export { pullImage } from './pull-image.ts'
