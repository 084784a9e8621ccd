/**
 * Images brought into the store, whole, or layer by layer when somebody needs them.
 *
 * In: an image of a registry or an archive.  Out: checked layers, stored uncompressed, and an entry in the index.
 * Not here: how an archive or a registry is read (content).
 */
export { wholeImage, wholeOf } from './complete-image.ts'
export { type ForeignImage, keepImage, keepLayer } from './ingest-image.ts'
export { keepChecked, keepIndex, keepPacked } from './ingest-layers.ts'
export { fetchLayer, LayersElsewhere } from './missing-layers.ts'
export { pullImage } from './pull-image.ts'
