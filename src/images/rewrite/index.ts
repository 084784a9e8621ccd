/**
 * The same image in other documents: platforms chosen, format converted, layers compressed or decompressed.
 *
 * In: a source with an image.  Out: a source that also has the rewritten one. Nothing is written to the store.
 * Not here: where the image comes from, or goes.
 */
export { chooseEntry, choosePlatforms, choosePresent, entriesOfIndex } from './choose-platforms.ts'
export { compressLayers } from './compress-layers.ts'
export { convertFormat } from './convert-format.ts'
export {
  documentsOf,
  isFormatRefused,
  keptOci,
  onlyInOci,
  type RawDocument,
  refusedBoth,
  reportDockers,
} from './docker-fallback.ts'
export { findEntry, mergeEntries } from './index-entries.ts'
export { readFrom } from './read-from.ts'
export { unpackLayers } from './unpack-layers.ts'
