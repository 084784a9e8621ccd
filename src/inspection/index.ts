/**
 * What is in an image: listed, compared, measured and checked.
 *
 * In: images with their layers' indexes.  Out: plain values, for a table, JSON or a page.
 * Not here: where images come from (images/contents), what a table looks like (cli).
 */

export { checkImage } from './check/check.ts'
export { type Comparand, type Comparison, compareImages, selectLayers } from './diff/compare-images.ts'
export { comparePackages } from './diff/compare-packages.ts'
export { ignorable, semantic } from './diff/ignorable.ts'
export { type LayerRange, parseLayerRange } from './diff/layer-range.ts'
export { unifiedDiff } from './diff/text-diff.ts'
export { FlatFilesystem, type FoundNode } from './filesystem/flat.ts'
export { FlatDirectory, type FlatNode } from './filesystem/flat-directory.ts'
export { treeOfLayers } from './filesystem/image-tree.ts'
export { describe, findFile, layerAt, listFiles } from './filesystem/list-files.ts'
export type { InspectedImage, InspectedLayer } from './image.ts'
export { summarizeLayers } from './layer-summaries.ts'
export { findPackages, hasPackageFile, isPackageFile, packageFilesOf } from './packages/find-packages.ts'
export { type BillOptions, billOf } from './sbom/bill.ts'
export { cyclonedxOf } from './sbom/cyclonedx.ts'
export { spdxOf } from './sbom/spdx.ts'
export { type ListedContents, listContents } from './timeline/list-contents.ts'
export { type DigestOf, traceFile } from './trace-file.ts'
export { weigh } from './weigh/weigh.ts'
