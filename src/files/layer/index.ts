/**
 * Layers: differences of trees ⇄ a layer's bytes and an index of its entries. The only room that knows whiteouts.
 *
 * In: differences of trees, layers on disk.  Out: layer files with their digest and index, trees.
 * Not here: where layers are stored, compression, what a layer is for.
 */
export { compareExtents, type ExtentOutcome, type ExtentPair } from './compare-extents.ts'
export { ContentReader, digestOf, pieces, readWhole, sameContent } from './content.ts'
export { HashWorker } from './hash-worker.ts'
export { hasHoles } from './holes.ts'
export { decodeIndex, encodeIndex, encodeWith, indexOf, readContentSize, tableOf } from './index-codec.ts'
export { createLayerFile, expectLayer, type LayerFile } from './layer-file.ts'
export { indexFlow, writeFlow } from './layer-flow.ts'
export { contentSize, type LayerEntry, type LayerIndex } from './layer-index.ts'
export { type Columns, digestKnown, kindsOfEntries, type LayerTable } from './layer-table.ts'
export { contentOf, learnFromReaders, mergeLayers, metadataOf, nodeOf, type StoredLayer, withLayer } from './merge.ts'
export { type PackedLayer, type PackerOptions, type PackOptions, packLayer } from './pack.ts'
export { indexLayer } from './read.ts'
export { streamLayer } from './stream-layer.ts'
