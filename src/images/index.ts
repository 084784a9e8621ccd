/**
 * An image of the store: finding it, what is known about it, removing it.
 *
 * In: a Host (store, platform, environment).  Out: images, and what the store knows about where else their layers are. The only
 * room that knows that layers are stored uncompressed, and that registries have them compressed.
 * Not here: adding images (ingest) or sending them (push).
 */
export { blobsOfImages, collectGarbage, forgetStep, layerOfStep, layersOfSteps } from './collect-garbage.ts'
export { type CompressedImage, readCompressed, readIfThere, readImageConfig, readWhole } from './compressed-image.ts'
export { createHost, type Host, unpackLimit } from './host.ts'
export { platformSummaries, readFilters, readTime, summaries } from './image-filters.ts'
export { imageSize, layerSizes, nameList, noTime } from './image-sizes.ts'
export {
  claimsOf,
  confirmLocation,
  isChecked,
  type KnownLocation,
  locationsOf,
  rememberLocation,
  repositoriesWith,
  repositoryOf,
  trustedLocations,
  withinRegistry,
} from './known-locations.ts'
export { type OnItsWay, Overlay } from './overlay.ts'
export { pulledAsOf, pulledAsOfEntry, pulledAsWithin, shownDigest } from './pulled-as.ts'
export { forgetBases, type RememberedBase, recallBase, rememberBase, renewBase } from './remembered-bases.ts'
export { sweep, takeNames } from './remove-images.ts'
export {
  entryMeant,
  entryNamed,
  findImage,
  type NamedImage,
  readImage,
  readImages,
  type StoredImage,
} from './stored-image.ts'
